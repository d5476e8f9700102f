package starferry.peers;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Base64;
import java.util.UUID;

/** Stream loads, straight to a backend: what the frontend's redirect costs is spared. */
final class StreamLoad {
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final String authorization = "Basic " + Base64.getEncoder().encodeToString("root:".getBytes());
    private final String backend;
    private final String database;

    StreamLoad(String backend, String database) {
        this.backend = backend;
        this.database = database;
    }

    void load(String table, Rows rows) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + backend + "/api/" + database + "/" + table + "/_stream_load"))
            .expectContinue(true).header("Authorization", authorization).header("label", "home-" + UUID.randomUUID())
            .header("format", "csv").header("column_separator", "\\x01").header("row_delimiter", "\\x02")
            .header("columns", rows.columns()).header("strict_mode", "true").header("max_filter_ratio", "0")
            .PUT(HttpRequest.BodyPublishers.ofByteArray(rows.bytes())).build();
        try {
            String answer = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
            if (!answer.matches("(?s).*\"Status\"\\s*:\\s*\"Success\".*")) {
                throw new IllegalStateException("the load was refused: " + answer);
            }
        } catch (IOException e) {
            throw new IllegalStateException("the load failed: " + e.getMessage(), e);
        }
    }
}
