"""The four services, Kafka, PostgreSQL and the one origin, as `caseloop up` runs them."""
