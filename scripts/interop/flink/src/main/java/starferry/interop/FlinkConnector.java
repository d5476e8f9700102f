package starferry.interop;
public final class FlinkConnector { public static void main(String[] a) { } }
