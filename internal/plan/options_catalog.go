package plan

// catalogOptions are those that stand in CREATE CATALOG only.
var catalogOptions = []Option{
	{Key: "type", Where: InMySQLCatalog | InStarRocksCatalog, Type: Enum, Values: []string{"mysql", "starrocks"}, Required: true,
		Help: "What the catalog stands for: mysql, a source, or starrocks, a target."},
	{Key: "default-database", Where: InMySQLCatalog, Help: "Database of names that have none."},
	{Key: "dbname", Aliases: []string{"default-database"}, Where: InStarRocksCatalog, Help: "Database of names that have none."},
	{Key: "endpoint", Where: InStarRocksCatalog, Type: HostList,
		Help: "Query addresses of the StarRocks frontends, fe1:9030, for statements without jdbc-url."},
}
