"""streamz sources fed by the background connection."""
