"""General skills: own questions with checkable answers, by which a model that forgot them is found out."""
