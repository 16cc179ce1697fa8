module shouwang/contract

go 1.26

require github.com/grafana/grafana-openapi-client-go v0.0.0-20260724161645-6029e6c64947
