"""The command ``pyconquest-rt``: one file for each group of verbs, each verb a thin wrapper of one public function."""
