"""Pictures of rows: the connections, the account, any feed."""
