"""Pure rules of reporting: facts in, figures out. No clock, no database, no chance."""
