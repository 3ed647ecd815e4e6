"""Which weights are trained, and how."""

from typing import ClassVar

from pydantic import BaseModel, Field

from engine.recipes.choices.tunings import Name, Quantization, Start

_NAMES = r"^[A-Za-z0-9_.,\- ]*$"


class Adapters(BaseModel):
    """Which weights are trained, and how."""

    TITLE: ClassVar = "Tuning"

    tuning: Name = Field(
        default="lora",
        title="Tuning",
        description="lora trains small extra matrices; qlora does so on a quantised base, for less memory; full trains "
        "every weight, freeze those of the last layers. oft and boft turn the layers, ia3 scales them; prompt and "
        "prefix learn tokens that stand before every row.",
    )
    quantization: Quantization = Field(
        default="nf4",
        title="Quantised to",
        description="How the base is kept in qlora: nf4 and fp4 take 4 bits a weight (nf4 loses less), int8 takes 8.",
    )
    lora_r: int = Field(
        default=16,
        ge=1,
        le=1024,
        title="LoRA rank",
        description="Size of the LoRA matrices: larger ones can learn more.",
    )
    lora_alpha: int = Field(
        default=32, ge=1, le=8192, title="LoRA alpha", description="Weight of the LoRA update; usually twice lora_r."
    )
    lora_dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        title="LoRA dropout",
        description="Share of LoRA inputs dropped while training, against overfitting.",
    )
    target_modules: str = Field(
        default="all-linear",
        min_length=1,
        max_length=500,
        pattern=r"^[A-Za-z0-9_.,\- ]+$",
        title="Layers",
        description="all-linear, or module names separated by commas, such as q_proj,v_proj.",
    )
    modules_to_save: str = Field(
        default="",
        max_length=500,
        pattern=_NAMES,
        title="Trained whole",
        description="Modules trained and saved as they are beside the adapter, separated by commas, such as "
        "embed_tokens,lm_head. Few servers take such adapters.",
    )
    use_rslora: bool = Field(
        default=False,
        title="Rank-stabilised",
        description="Divide lora_alpha by the root of lora_r instead of lora_r (rsLoRA), so large ranks learn too.",
    )
    use_dora: bool = Field(
        default=False,
        title="DoRA",
        description="Learn length and direction of the weights apart (DoRA): often better at small ranks, slower, and "
        "served by few.",
    )
    init_lora_weights: Start = Field(
        default="default",
        title="Start of LoRA",
        description="default and gaussian begin with no change; pissa and olora begin with the largest parts of "
        "the weights and learn faster, pissa_niter_16 finds them quicker; loftq makes up for what 4 bits lose. What "
        "pissa, olora and loftq leave has twice the rank.",
    )
    loraplus_lr_ratio: float | None = Field(
        default=None,
        ge=1,
        le=1000,
        allow_inf_nan=False,
        title="LoRA+",
        description="How many times faster the second LoRA matrix learns than the first (LoRA+); 16 is usual, with "
        "half the learning rate. Empty lets both learn alike.",
    )
    freeze_trainable_layers: int = Field(
        default=2,
        ge=1,
        le=1000,
        title="Layers trained",
        description="How many of the last decoder layers freeze trains; the others stay as they are.",
    )
    freeze_extra_modules: str = Field(
        default="",
        max_length=500,
        pattern=_NAMES,
        title="Also trained",
        description="Further modules that freeze trains, separated by commas, such as norm,lm_head.",
    )
    oft_block_size: int = Field(
        default=32,
        ge=2,
        le=1024,
        title="OFT block",
        description="Size of the blocks that are turned: larger ones can learn more. A size that divides no layer is "
        "moved to the next that does.",
    )
    boft_block_size: int = Field(
        default=4,
        ge=2,
        le=1024,
        title="BOFT block",
        description="Size of the blocks that are turned; it has to divide the inputs of every layer.",
    )
    boft_n_butterfly_factor: int = Field(
        default=1,
        ge=1,
        le=16,
        title="Butterfly factors",
        description="How often blocks are mixed with each other. More than 1 needs a GPU and PEFT's extension for it.",
    )
    num_virtual_tokens: int = Field(
        default=20,
        ge=1,
        le=4096,
        title="Virtual tokens",
        description="How many learnt tokens are added before every row.",
    )
    prompt_tuning_init_text: str = Field(
        default="",
        max_length=2000,
        title="First prompt",
        description="Words that the virtual tokens of prompt begin as, such as a description of the task. Empty begins "
        "with tokens drawn from the vocabulary.",
    )
