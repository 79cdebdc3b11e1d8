"""One physical point of the photograph, asked of every network."""

from attnviz.querying.answers import AttentionAnswer, NoAnswer, PlaceAnswer, QueryAnswer
from attnviz.querying.asking import Heads, attention_records, head_count, query, query_layers
from attnviz.querying.finding import finding
from attnviz.querying.heads import HeadRow, HeadRows, head_rows, over_all_rows
from attnviz.querying.matrix import MOST_NUMBERS, AttentionMatrix, attention_matrix

__all__ = [
    "MOST_NUMBERS",
    "AttentionAnswer",
    "AttentionMatrix",
    "HeadRow",
    "HeadRows",
    "Heads",
    "NoAnswer",
    "PlaceAnswer",
    "QueryAnswer",
    "attention_matrix",
    "attention_records",
    "finding",
    "head_count",
    "head_rows",
    "over_all_rows",
    "query",
    "query_layers",
]
