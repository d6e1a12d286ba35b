"""`remission evidence table1`."""

from remission.doors._review_table import table_command

command = table_command(1)
