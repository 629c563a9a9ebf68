-- Journal schema 4, from 3.

PRAGMA user_version = 4;
