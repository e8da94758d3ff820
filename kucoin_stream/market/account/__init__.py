"""What an account has, as tables that the answers of calls and the pushes of a stream are joined in."""
