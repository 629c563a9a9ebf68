-- Journal schema 3, from 2: what a lane board had counted when an admission was recorded.

ALTER TABLE admission ADD COLUMN boot TEXT;        -- the board's run, 8 hex digits; NULL: no board that counts
ALTER TABLE admission ADD COLUMN counted INTEGER;  -- persons that it had counted in that run

PRAGMA user_version = 3;
