package starferry.peers;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.stream.Collectors;

import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;

/** Rows of one table as CSV: columns end with \x01, rows with \x02, NULL is \N, the last column is the operation. */
final class Rows {
    private static final DateTimeFormatter SECONDS = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss");
    private static final DateTimeFormatter MICROS = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSSSSS");

    private final StringBuilder text = new StringBuilder(1 << 20);
    private final Schema schema;

    Rows(Schema schema) {
        this.schema = schema;
    }

    String columns() {
        return schema.fields().stream().map(Field::name).collect(Collectors.joining(",")) + ",__op";
    }

    void add(Struct row, boolean deleted) {
        for (Field field : schema.fields()) {
            append(field.schema(), row.getWithoutDefault(field.name()));
            text.append('\u0001');
        }
        text.append(deleted ? '1' : '0').append('\u0002');
    }

    byte[] bytes() {
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    private void append(Schema type, Object value) {
        if (value == null) {
            text.append("\\N");
        } else if (type.name() == null) {
            text.append(value);
        } else {
            switch (type.name()) {
                case "io.debezium.time.Date" -> text.append(LocalDate.ofEpochDay((Integer) value));
                case "io.debezium.time.Timestamp" -> {
                    long millis = (Long) value;
                    text.append(SECONDS.format(LocalDateTime.ofEpochSecond(Math.floorDiv(millis, 1000L), 0, ZoneOffset.UTC)));
                }
                case "io.debezium.time.MicroTimestamp" -> {
                    long micros = (Long) value;
                    text.append(MICROS.format(LocalDateTime.ofEpochSecond(Math.floorDiv(micros, 1_000_000L),
                        (int) Math.floorMod(micros, 1_000_000L) * 1000, ZoneOffset.UTC)));
                }
                case "io.debezium.time.ZonedTimestamp" ->
                    text.append(MICROS.format(LocalDateTime.ofInstant(Instant.parse((String) value), ZoneOffset.UTC)));
                default -> text.append(value);
            }
        }
    }
}
