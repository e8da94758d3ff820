"""The only floor that opens sockets. Everything here lives on the loop thread unless it says otherwise."""
