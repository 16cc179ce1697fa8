// Turns the part of Grafana's HTTP contract that we call into JSON Schema: reads the Go client that Grafana Labs
// generates from Grafana's OpenAPI document (grafana-openapi-client-go, Apache-2.0) and prints its operations and models.
//
//	go run . > ../grafana.json
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

const module = "github.com/grafana/grafana-openapi-client-go"

// By folder of the client: what push and pull may ask of Grafana.
var wanted = map[string][]string{
	"dashboards":  {"getDashboardByUID", "postDashboard"},
	"datasources": {"addDataSource", "getDataSourceByUID", "updateDataSourceByUID"},
	"folders":     {"createFolder", "getFolderByUID", "updateFolder"},
	"health":      {"getHealth"},
	"provisioning": {
		"GetAlertRuleGroup", "GetContactpoints", "GetPolicyTree", "GetTemplate", "PostContactpoints", "PutAlertRuleGroup",
		"PutContactpoint", "PutPolicyTree", "PutTemplate",
	},
}

type schema = map[string]any

type operation struct {
	ID        string         `json:"id"`
	Method    string         `json:"method"`
	Path      string         `json:"path"`
	Query     []string       `json:"query"`
	Headers   []string       `json:"headers"`
	Body      any            `json:"body"`
	Responses map[string]any `json:"responses"`
}

var (
	models   = map[string]*ast.GenDecl{}
	schemas  = map[string]schema{}
	required = regexp.MustCompile(`(?m)^Required: true$`)
	enum     = regexp.MustCompile(`(?m)^Enum: (\[.*\])$`)
	pattern  = regexp.MustCompile(`(?m)^Pattern: (.+)$`)
	longest  = regexp.MustCompile(`(?m)^Max Length: (\d+)$`)
	shortest = regexp.MustCompile(`(?m)^Min Length: (\d+)$`)
	setsTo   = regexp.MustCompile(`r\.Set(Query|Header)Param\("([^"]+)"`)
)

func main() {
	found, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}} {{.Version}}", module).Output()
	check(err)
	dir, version, _ := strings.Cut(strings.TrimSpace(string(found)), " ")
	for _, file := range parsed(filepath.Join(dir, "models")) {
		for _, declared := range file.Decls {
			if types, ok := declared.(*ast.GenDecl); ok && types.Tok == token.TYPE {
				models[types.Specs[0].(*ast.TypeSpec).Name.Name] = types
			}
		}
	}
	operations := []operation{}
	for folder, ids := range wanted {
		operations = append(operations, operationsOf(filepath.Join(dir, "client", folder), ids)...)
	}
	sort.Slice(operations, func(a, b int) bool { return operations[a].ID < operations[b].ID })
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	check(encoder.Encode(map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"origin":      module + " " + version + ", Apache-2.0, by tests/dashboards/contract/generate",
		"operations":  operations,
		"definitions": schemas,
	}))
}

func operationsOf(dir string, ids []string) []operation {
	made := []operation{}
	files := parsed(dir)
	types := map[string]*ast.StructType{}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			if spec, ok := node.(*ast.TypeSpec); ok {
				if of, ok := spec.Type.(*ast.StructType); ok {
					types[spec.Name.Name] = of
				}
			}
			return true
		})
	}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok || fmt.Sprint(literal.Type) != "&{runtime ClientOperation}" {
				return true
			}
			said := map[string]string{}
			for _, element := range literal.Elts {
				pair := element.(*ast.KeyValueExpr)
				if value, ok := pair.Value.(*ast.BasicLit); ok {
					said[pair.Key.(*ast.Ident).Name], _ = strconv.Unquote(value.Value)
				}
			}
			for _, id := range ids {
				if said["ID"] == id {
					made = append(made, operationOf(dir, said, types))
				}
			}
			return true
		})
	}
	if len(made) != len(ids) {
		log.Fatalf("%s: %d of %v", dir, len(made), ids)
	}
	return made
}

func operationOf(dir string, said map[string]string, types map[string]*ast.StructType) operation {
	name := strings.ToUpper(said["ID"][:1]) + said["ID"][1:]
	made := operation{
		ID: said["ID"], Method: said["Method"], Path: said["PathPattern"],
		Query: []string{}, Headers: []string{}, Responses: map[string]any{},
	}
	if body := fieldOf(types[name+"Params"], "Body"); body != nil {
		made.Body = schemaOf(body)
	}
	snake := regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "${1}_${2}")
	file := filepath.Join(dir, strings.ToLower(snake))
	for _, found := range setsTo.FindAllStringSubmatch(text(file+"_parameters.go"), -1) {
		if found[1] == "Query" {
			made.Query = append(made.Query, found[2])
		} else {
			made.Headers = append(made.Headers, found[2])
		}
	}
	cases := regexp.MustCompile(`case (\d+):\s+result := New(\w+)\(\)`)
	for _, found := range cases.FindAllStringSubmatch(text(file+"_responses.go"), -1) {
		made.Responses[found[1]] = nil
		if payload := fieldOf(types[found[2]], "Payload"); payload != nil {
			made.Responses[found[1]] = schemaOf(payload)
		}
	}
	return made
}

func fieldOf(of *ast.StructType, name string) ast.Expr {
	if of != nil {
		for _, field := range of.Fields.List {
			if len(field.Names) == 1 && field.Names[0].Name == name {
				return field.Type
			}
		}
	}
	return nil
}

// schemaOf gives the schema of a Go type; a model's is made once and named.
func schemaOf(of ast.Expr) schema {
	switch of := of.(type) {
	case *ast.StarExpr:
		return schemaOf(of.X)
	case *ast.ArrayType:
		return schema{"type": "array", "items": schemaOf(of.Elt)}
	case *ast.MapType:
		return schema{"type": "object", "additionalProperties": schemaOf(of.Value)}
	case *ast.InterfaceType:
		return schema{}
	case *ast.SelectorExpr:
		switch from, name := fmt.Sprint(of.X), of.Sel.Name; {
		case from == "models":
			return modelOf(name)
		case from == "strfmt" && name == "DateTime":
			return schema{"type": "string", "format": "date-time"}
		case from == "strfmt" && name == "Duration":
			return schema{"type": "string", "pattern": `^(\d+(\.\d+)?(ms|s|m|h|d|w|y))+$`}
		}
	case *ast.Ident:
		switch of.Name {
		case "string", "bool":
			return schema{"type": map[string]string{"string": "string", "bool": "boolean"}[of.Name]}
		case "int64", "int32", "uint32", "uint64", "uint8":
			return schema{"type": "integer"}
		case "float64", "float32":
			return schema{"type": "number"}
		case "any":
			return schema{}
		default:
			return modelOf(of.Name)
		}
	}
	log.Fatalf("no schema for %#v", of)
	return nil
}

func modelOf(name string) schema {
	named := schema{"$ref": "#/definitions/" + name}
	if _, made := schemas[name]; made {
		return named
	}
	declared, known := models[name]
	if !known {
		log.Fatalf("there is no model %s", name)
	}
	schemas[name] = schema{}
	spec := declared.Specs[0].(*ast.TypeSpec)
	of, isStruct := spec.Type.(*ast.StructType)
	if !isStruct {
		schemas[name] = schemaOf(spec.Type)
		return named
	}
	properties, needed := schema{}, []string{}
	for _, field := range of.Fields.List {
		if field.Tag == nil {
			log.Fatalf("%s has an embedded field", name)
		}
		tag, _ := strconv.Unquote(field.Tag.Value)
		key, _, _ := strings.Cut(regexp.MustCompile(`json:"([^"]+)"`).FindStringSubmatch(tag)[1], ",")
		said := field.Doc.Text()
		made := schema{}
		for k, v := range schemaOf(field.Type) {
			made[k] = v
		}
		if values := enum.FindStringSubmatch(said); values != nil {
			var list []any
			check(json.Unmarshal([]byte(values[1]), &list))
			made["enum"] = list
		}
		if found := pattern.FindStringSubmatch(said); found != nil {
			made["pattern"] = found[1]
		}
		if found := longest.FindStringSubmatch(said); found != nil {
			made["maxLength"], _ = strconv.Atoi(found[1])
		}
		if found := shortest.FindStringSubmatch(said); found != nil {
			made["minLength"], _ = strconv.Atoi(found[1])
		}
		if required.MatchString(said) {
			needed = append(needed, key)
		} else if kind, ok := made["type"]; ok && (kind == "array" || kind == "object") {
			made["type"] = []any{kind, "null"} // so does Go read and write it
		}
		properties[key] = made
	}
	sort.Strings(needed)
	schemas[name] = schema{"type": "object", "additionalProperties": false, "properties": properties, "required": needed}
	return named
}

func parsed(dir string) []*ast.File {
	packages, err := parser.ParseDir(token.NewFileSet(), dir, nil, parser.ParseComments)
	check(err)
	files := []*ast.File{}
	for _, each := range packages {
		for _, file := range each.Files {
			files = append(files, file)
		}
	}
	return files
}

func text(path string) string {
	read, err := os.ReadFile(path)
	check(err)
	return string(read)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
