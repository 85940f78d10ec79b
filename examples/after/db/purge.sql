DELETE FROM sessions WHERE expires < now();
