package starferry.interop;
public final class Jdbc { public static void main(String[] a) { } }
