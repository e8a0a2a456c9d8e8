"""`python -m recoup`: the command line, also where a path with a space breaks scripts."""

from recoup.cli import main

main(prog_name="recoup")
