"""Every dbt test becomes an asset check, including unit tests and tests of several models."""

from allive.orchestration.dbt_manifest import as_test_id, with_every_test


def model(name, *parents):
    return {"resource_type": "model", "name": name, "depends_on": {"nodes": list(parents)}}


def singular(*models):
    return {"resource_type": "test", "name": "assert_x", "depends_on": {"nodes": list(models)}}


def manifest(tests, unit_tests=None):
    nodes = {
        "model.p.a": model("a"),
        "model.p.b": model("b", "model.p.a"),
        "model.p.c": model("c", "model.p.b"),
        **tests,
    }
    return {
        "nodes": nodes,
        "unit_tests": unit_tests or {},
        "parent_map": {unique_id: node["depends_on"]["nodes"] for unique_id, node in nodes.items()},
        "child_map": {"model.p.a": ["model.p.b"]},
    }


def test_a_test_over_several_models_stands_on_the_last_of_them():
    seen = with_every_test(manifest({"test.p.x": singular("model.p.c", "model.p.a")}))
    assert seen["nodes"]["test.p.x"]["attached_node"] == "model.p.c"


def test_unrelated_models_are_ordered_by_name():
    given = manifest({"test.p.x": singular("model.p.z", "model.p.a")})
    given["nodes"]["model.p.z"] = model("z")
    assert with_every_test(given)["nodes"]["test.p.x"]["attached_node"] == "model.p.a"


def test_a_test_that_dbt_attached_stays_where_it_is():
    attached = {**singular("model.p.c", "model.p.a"), "attached_node": "model.p.a"}
    assert with_every_test(manifest({"test.p.x": attached}))["nodes"]["test.p.x"]["attached_node"] == "model.p.a"


def test_a_unit_test_becomes_a_test_of_its_model():
    unit_test = {
        "name": "cap",
        "fqn": ["p", "b", "cap"],
        "package_name": "p",
        "path": "b.yml",
        "original_file_path": "models/b.yml",
        "depends_on": {"nodes": ["model.p.b"]},
    }
    given = manifest({}, {"unit_test.p.b.cap": unit_test})
    seen = with_every_test(given)
    test_id = as_test_id("unit_test.p.b.cap")
    assert seen["nodes"][test_id]["name"] == "unit_test_cap"
    assert seen["nodes"][test_id]["attached_node"] == "model.p.b"
    assert test_id in seen["child_map"]["model.p.b"]
    assert test_id not in given["nodes"], "the given manifest is not modified"
