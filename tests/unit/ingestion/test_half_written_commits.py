"""A process killed during a Delta commit leaves the commit under another name; the next promotion deletes it."""

import json
from pathlib import Path

from allive.ingestion.promotion import Promotion, finish_promotions, staging_folder
from allive.ingestion.raw_tables import REJECTS, read_pins, table_path
from allive.ingestion.settings import Settings


def test_a_repeated_promotion_drops_what_the_killed_commit_left(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    promotion = Promotion("lives-000001-0", 1, "lives", (), ("hash",), ())
    folder = staging_folder(settings, promotion.batch_id)
    folder.mkdir(parents=True)
    (folder / "promotion.json").write_text(json.dumps(promotion.as_dict()))
    left = [table_path(settings, table) / "_delta_log" / "00000000000000000001.json#1" for table in ("lives", REJECTS)]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_text("half")
    finish_promotions(settings)
    assert [path for path in left if path.exists()] == []
    assert read_pins(settings).versions["lives"] is not None
    assert not folder.exists()
