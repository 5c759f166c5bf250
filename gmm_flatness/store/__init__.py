"""What outlives a run: atomic files, tables, a content-addressed cache, locks and checkpoints.

Nothing here is ever half written: a file appears whole under its name or not at all, whatever was killed and
however full the disk. Nothing here knows the time: equal content gives equal bytes.
"""

from gmm_flatness.store.atomic import check_writable, write_bytes, write_files, write_text
from gmm_flatness.store.cache import Cache, content_key
from gmm_flatness.store.canonical import canonical_json, plain
from gmm_flatness.store.checkpoint import Checkpoint
from gmm_flatness.store.locks import file_lock
from gmm_flatness.store.source import source_digest
from gmm_flatness.store.table import Table

__all__ = ["check_writable", "write_bytes", "write_files", "write_text", "Cache", "content_key", "Checkpoint",
           "file_lock", "canonical_json", "plain", "source_digest", "Table"]
