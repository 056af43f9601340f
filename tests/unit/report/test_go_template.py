"""The part of Go's templates that `--format` knows: rendered as Docker's tool does, and the rest refused."""

from __future__ import annotations

import pytest

from swarmkit.errors import InputError
from swarmkit.report.go_template import Template

NETWORK = {
    "Name": "app",
    "Internal": False,
    "IPAM": {"Options": None, "Config": [{"Subnet": "10.1.0.0/24"}, {"Subnet": "10.2.0.0/24"}]},
    "Labels": {"team": "shop", "a.b": "dotted"},
    "Containers": {"c2": {"Name": "web"}, "c1": {"Name": "db"}},
}


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{{.Name}} is {{ .Internal }}", "app is false"),
        ("{{json .IPAM.Config}}", '[{"Subnet":"10.1.0.0/24"},{"Subnet":"10.2.0.0/24"}]'),
        ("{{.Labels}}", "map[a.b:dotted team:shop]"),
        ('{{index .Labels "a.b"}}{{index .Labels "none"}}', "dotted"),
        ("{{(index)}}", None),
        ("{{range .IPAM.Config}}{{.Subnet}} {{end}}", "10.1.0.0/24 10.2.0.0/24 "),
        ("{{range .Containers}}{{.Name}},{{else}}nobody{{end}}", "db,web,"),
        ("{{range .IPAM.Options}}x{{else}}none{{end}}", "none"),
        ("{{if .Internal}}in{{else}}out{{end}}", "out"),
        ("{{range .IPAM.Config}}{{if .Subnet}}[{{.Subnet | json}}]{{end}}{{end}}", '["10.1.0.0/24"]["10.2.0.0/24"]'),
        ("{{len .Containers}} {{upper .Name}} {{(index .IPAM.Config 0).Subnet}}", None),
        ("{{len .Containers}} {{upper .Name}}", "2 APP"),
        ("a {{- .Name -}} b", "aappb"),
        ("{{index .IPAM.Config 1 `Subnet`}}", "10.2.0.0/24"),
        ("plain", "plain"),
    ],
)
def test_what_is_known_is_rendered_as_by_go(template: str, shown: str | None) -> None:
    if shown is None:
        with pytest.raises(InputError, match="cannot make out"):
            Template(template)
    else:
        assert Template(template).render(NETWORK) == shown


@pytest.mark.parametrize(
    "template",
    [
        "{{.Name", "Name}}", "{{}}", "{{end}}", "{{else}}", "{{if .Name}}", "{{range .A}}{{else}}{{else}}{{end}}",
        "{{range $k, $v := .Labels}}{{end}}", "{{with .Name}}{{end}}", "{{printf `%s` .Name}}", '{{.Name"}}',
        "{{json}}",
        "{{.Name .Name}}", "{{. | }}", "{{template `x`}}", "{{/* a */}}", "{{index .Labels}}", "{{if}}{{end}}",
        "{{..}}",
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused_before_anything_is_read(template: str) -> None:
    with pytest.raises(InputError, match="cannot make out") as refused:
        Template(template)
    assert "there are {{.Field}}, json" in refused.value.to_do


def test_a_field_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match="no field Nmae") as refused:
        Template("{{.Nmae}}").render(NETWORK)
    assert "Name, Internal" in refused.value.to_do
    with pytest.raises(InputError, match="no field Config"):
        Template("{{.Name.Config}}").render(NETWORK)
    with pytest.raises(InputError, match="index 2"):
        Template("{{index .IPAM.Config 2}}").render(NETWORK)
