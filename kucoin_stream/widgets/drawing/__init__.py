"""What all pictures share: the picture and its painter, HTML, text, axes, columns, options."""
