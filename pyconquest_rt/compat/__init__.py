"""The class ``pyconquest``: PyConquest's interface, one module for each kind of method."""
