"""`make bench`: the stage beside its floor."""

from tests.bench.stage import main

main()
