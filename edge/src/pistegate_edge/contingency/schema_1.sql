-- The box's tickets and sales, schema 1. Times are milliseconds since 1970 UTC, money is in minor units.

CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    device TEXT NOT NULL                      -- SITE/ROLE/NUMBER
);

CREATE TABLE fact (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE batch (
    id TEXT PRIMARY KEY,
    window INTEGER NOT NULL,
    number INTEGER NOT NULL,
    day TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    head TEXT NOT NULL,                       -- JSON as the cloud told it
    state TEXT NOT NULL CHECK (state IN ('fetching', 'ready', 'withdrawn', 'closing', 'closed')),
    drawer INTEGER                            -- change that the seller began with
) WITHOUT ROWID;

CREATE TABLE sale (
    batch TEXT NOT NULL REFERENCES batch (id),
    receipt INTEGER NOT NULL CHECK (receipt >= 1),
    form TEXT NOT NULL UNIQUE,                -- of the page that asked: pressed twice, it is one sale
    at_ms INTEGER NOT NULL,
    method TEXT NOT NULL CHECK (method IN ('cash', 'terminal')),
    reference TEXT,
    amount INTEGER NOT NULL,
    tendered INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'given', 'void')),
    told TEXT,                                -- what the cloud answered: booked, void, trouble
    PRIMARY KEY (batch, receipt)
) WITHOUT ROWID;

CREATE TABLE ticket (
    batch TEXT NOT NULL REFERENCES batch (id),
    serial INTEGER NOT NULL,
    number INTEGER NOT NULL UNIQUE,
    product INTEGER NOT NULL,
    code TEXT NOT NULL,
    receipt INTEGER,
    PRIMARY KEY (batch, serial),
    FOREIGN KEY (batch, receipt) REFERENCES sale (batch, receipt)
) WITHOUT ROWID;

CREATE INDEX ticket_left ON ticket (batch, product, serial) WHERE receipt IS NULL;
CREATE INDEX ticket_sold ON ticket (batch, receipt) WHERE receipt IS NOT NULL;

-- A number that was sold stays sold, and what was told stays as it was.
CREATE TRIGGER ticket_once BEFORE UPDATE OF receipt ON ticket WHEN OLD.receipt IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'this ticket was sold before'); END;
CREATE TRIGGER sale_stays BEFORE UPDATE OF state ON sale WHEN OLD.state != 'open'
BEGIN SELECT RAISE(ABORT, 'this sale is final'); END;
CREATE TRIGGER sale_kept BEFORE DELETE ON sale
BEGIN SELECT RAISE(ABORT, 'sales are kept'); END;

PRAGMA user_version = 1;
