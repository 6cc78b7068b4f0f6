"""What is calculated from objects: due, claimed, computed, committed if its inputs still hold."""
