"""Comparing: two regimens by meaning, and two transcriptions of one."""
