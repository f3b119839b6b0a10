"""How an evaluation is shown: console, plots and report.html."""
