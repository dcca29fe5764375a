import pytest
from tests.test_facilities_page import said
@pytest.mark.parametrize("part",["team","training","succession","assessment","files"])
@pytest.mark.parametrize("role",["admin","viewer"])
def test_page(demo_uri, visit, part, role):
    at=visit(demo_uri,"staff",lang="en",part=part,role=role)
    assert not at.exception, at.exception
    print(part, role); print(said(at)); print([ (m.label,m.value,m.delta) for m in at.metric])
    for d in at.dataframe: print(d.value.to_string())
    for d in at.table: print(d.value.to_string())
