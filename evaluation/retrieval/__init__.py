"""What is measured: the task, ranking, baselines, the evaluator and the forgetting probe."""
