"""Reports: tables, figures, HTML pages, comparisons with published results, and the command line.

Imports everything below. What is slow to import (NumPy, matplotlib, our own packages) is imported where it is needed,
so that the command answers at once.
"""
