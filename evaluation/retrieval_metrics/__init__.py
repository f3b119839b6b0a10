"""The metrics table, also as an `evaluate.Metric`; the folder can be copied and loaded alone.

Other rooms use `definitions`.
"""
