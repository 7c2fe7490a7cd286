-- Cedar policy that restricts an access key; empty: it may do everything in its account.
ALTER TABLE access_key ADD COLUMN policy TEXT NOT NULL DEFAULT '';
