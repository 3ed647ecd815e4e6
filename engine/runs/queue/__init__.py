"""The queue of trainings: its order, what each run waits for, who holds the devices."""
