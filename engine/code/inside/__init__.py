"""Programs that run inside the sandbox, beside a person's code. Nobody imports them: their text is put there."""
