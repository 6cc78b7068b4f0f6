"""The parts of the class ``pyconquest``, one module for each kind of method."""
