"""Measures retrieval: task, ranking, baselines, evaluator and forgetting probe.

Other rooms use `task`, `ranking`, `evaluator`, `query_results` and `forgetting_probe`.
"""
