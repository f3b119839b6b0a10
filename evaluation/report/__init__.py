"""Shows an evaluation: console tables, plots, sentences and report.html.

Other rooms use `output`, `plots`, `sentences`, `tables` and `texts`.
"""
