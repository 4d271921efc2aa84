"""`python -m reports` is the command `einfuse`."""

from reports.cli import main

main()
