"""/v1/files and /v1/fine_tuning/jobs, asked by the official client."""
