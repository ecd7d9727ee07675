"""Orders to odd artists, checked by a validator that shares nothing with the project (`make bank-files`)."""
