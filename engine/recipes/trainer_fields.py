"""Fields of a recipe that transformers' TrainingArguments know under the same name and take as they are."""

PASSED_THROUGH = (
    "num_train_epochs",
    "max_steps",
    "learning_rate",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "weight_decay",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "max_grad_norm",
    "logging_steps",
    "save_steps",
    "seed",
)
