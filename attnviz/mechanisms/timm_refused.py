"""Attention of timm, and its like elsewhere, that is not read, and why: one sentence that a trace hands to its user."""

from attnviz.mechanisms.base import refuse

refuse(
    "its matrix weighs channels against channels, so it has no weight for a token of the picture.",
    "timm.models.davit.ChannelAttention",
    "timm.models.davit.ChannelAttentionV2",
    "timm.models.edgenext.CrossCovarianceAttn",
    "timm.models.xcit.XCA",
)
refuse(
    "its heads are mixed after the softmax, so the weights on the values may be negative and need not sum to 1.",
    "timm.models.cait.TalkingHeadAttn",
    "timm.models.efficientformer_v2.Attention2d",
)
refuse(
    "it subtracts one softmax from another, so its weights may be negative and do not sum to 1.",
    "timm.layers.diff_attention.DiffAttention",
    "timm.models.vision_transformer.DiffParallelScalingBlock",
)
refuse(
    "it mixes two softmax matrices, one of content and one of position, and a record holds the logits of one.",
    "timm.models.convit.GPSA",
)
refuse(
    "it sums its keys and values into one small matrix before the queries come, so no token has a weight for another.",
    "timm.layers.lambda_layer.LambdaLayer",
    "timm.models.coat.FactorAttnConvRelPosEnc",
    "timm.models.efficientvit_mit.LiteMLA",
)
refuse(
    "it weighs all tokens once and spreads their sum over all places, so no token has a weight for another.",
    "timm.models.mobilevit.LinearSelfAttention",
    "timm.models.swiftformer.EfficientAdditiveAttention",
)
refuse(
    "a linear layer writes its weights for the neighbours of each place, so there are no queries and keys to record.",
    "timm.models.volo.OutlookAttention",
)
refuse(
    "its tokens stand in an order of nested squares, not row by row, so a record could not lay them on the picture.",
    "timm.models.hiera.MaskUnitAttention",
)
refuse(
    "its keys are means over runs of places that go on behind the end of a row, so they have no place on a grid.",
    "timm.models.nextvit.EfficientAttention",
)
refuse(
    "it is a grouped convolution: its name says attention, but nothing in it weighs one token against another.",
    "timm.models.nextvit.ConvAttention",
)
refuse(
    "it multiplies the map by two softmax matrices, over rows and over columns of a small grid of its own.",
    "timm.layers.non_local_attn.BatNonLocalAttn",
)
refuse(
    "its weights come from the whole batch of pictures, not from the one that is looked at.",
    "timm.models.csatv2.SpatialAttention",
)
refuse(
    "it sees windows and not where they lie, so it is read only inside the block of its own library that cuts them.",
    "timm.models.davit.WindowAttention",
    "timm.models.efficientvit_msra.CascadedGroupAttention",
    "timm.models.gcvit.WindowAttentionGlobal",
    "timm.models.hieradet_sam2.MultiScaleAttention",
    "timm.models.tiny_vit.Attention",
)
refuse(
    "it weighs its branches against each other, channel by channel, so it has no weight for a place or a token.",
    "timm.layers.selective_kernel.SelectiveKernelAttn",
    "timm.layers.split_attn.SplitAttn",
)
refuse(
    "its gate multiplies features that it makes inside, so no record could be checked against what went in.",
    "timm.models.focalnet.FocalModulation",
    "timm.models.ghostnet.GhostModuleV2",
    "timm.models.ghostnet.GhostModuleV3",
    "transformers.models.focalnet.modeling_focalnet.FocalNetModulation",
    "timm.models.mlp_mixer.SpatialGatingUnit",
)
refuse(
    "it pools all tokens with one query behind the last layer that has a grid, and is not read yet.",
    "timm.layers.attention_pool.AttentionPoolPrr",
    "timm.layers.other_pool.SimPool1d",
    "timm.layers.other_pool.SimPool2d",
)
refuse(
    "it computes its matrix from a single number per place inside a block of its own, and is not read yet.",
    "timm.models.csatv2.SpatialTransformerBlock",
)
