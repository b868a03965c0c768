"""Migrations that were shipped, oldest first; each file goes on with the list of the one before."""
