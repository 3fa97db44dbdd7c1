// PgJDBC.
import java.io.*;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.*;
import java.time.*;
import java.util.*;
import org.postgresql.PGConnection;

public class Jdbc {
	static String me = System.getenv("PGUSER");

	static byte[] digest(int i) throws Exception {
		return MessageDigest.getInstance("SHA-256").digest((me + " " + i).getBytes(StandardCharsets.UTF_8));
	}

	static void check(boolean ok) {
		if (!ok) throw new AssertionError();
	}

	static void failing(Statement s, String sql, String what) {
		try {
			s.execute(sql);
		} catch (SQLException e) {
			System.out.println(what + " " + e.getSQLState());
		}
	}

	static String one(Statement s, String sql) throws Exception {
		try (ResultSet r = s.executeQuery(sql)) {
			r.next();
			return r.getString(1);
		}
	}

	public static void main(String[] args) throws Exception {
		String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
		Connection c = DriverManager.getConnection(url, me, "");
		Statement s = c.createStatement();

		PreparedStatement p = c.prepareStatement("INSERT INTO hashes (digest) VALUES (?) RETURNING receipt");
		p.setBytes(1, digest(0));
		ResultSet r = p.executeQuery();
		r.next();
		System.out.println("insert " + r.getString(1).split("/")[1]);

		p = c.prepareStatement("SELECT digest FROM hashes WHERE digest = ?");
		int n = 0;
		for (int i = 0; i < 7; i++) { // from the fifth on under a name, and in binary
			p.setBytes(1, digest(0));
			r = p.executeQuery();
			for (n = 0; r.next(); n++) check(Arrays.equals(r.getBytes(1), digest(0)));
		}
		System.out.println("prepared " + n);

		p = c.prepareStatement("INSERT INTO hashes (digest) VALUES (?)");
		for (int i = 1; i <= 100; i++) {
			p.setBytes(1, digest(i));
			p.addBatch();
		}
		System.out.println("batch " + Arrays.stream(p.executeBatch()).sum());

		StringBuilder rows = new StringBuilder();
		for (int i = 101; i <= 1100; i++) rows.append("\\\\x").append(HexFormat.of().formatHex(digest(i))).append('\n');
		System.out.println("copy " + c.unwrap(PGConnection.class).getCopyAPI().copyIn("COPY hashes (digest) FROM STDIN", new StringReader(rows.toString())));
		System.out.println("count " + one(s, "SELECT count(*) FROM hashes"));

		c.setAutoCommit(false);
		s.setFetchSize(100);
		r = s.executeQuery("SELECT digest FROM hashes");
		for (n = 0; r.next(); n++);
		System.out.println("cursor " + n);
		c.commit();
		s.setFetchSize(0);

		p = c.prepareStatement("SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],"
			+ " '{\"a\": [1]}'::jsonb, NULL::bytea, '\\x00ff'::bytea, 0.5::float8");
		for (int i = 0; i < 7; i++) {
			r = p.executeQuery();
			r.next();
			check(r.getBoolean(1) && r.getLong(2) == 7 && r.getBigDecimal(3).equals(new BigDecimal("1.25")) && r.getString(4).equals("é"));
			check(r.getObject(5, OffsetDateTime.class).toInstant().equals(Instant.parse("2026-01-02T03:04:05.678Z")));
			check(Arrays.equals((Object[]) r.getArray(6).getArray(), new Object[] {1, null, 3}) && r.getString(7).equals("{\"a\": [1]}"));
			check(r.getBytes(8) == null && Arrays.equals(r.getBytes(9), new byte[] {0, -1}) && r.getDouble(10) == 0.5);
		}
		System.out.println("types ok");
		c.commit();

		failing(s, "SELECT nosuch FROM hashes", "error");
		failing(s, "SELECT 1", "error");
		c.rollback();
		failing(s, "SELECT 1/0", "error");
		c.rollback();

		p = c.prepareStatement("INSERT INTO hashes (digest) VALUES (?)");
		p.setBytes(1, digest(2000));
		p.executeUpdate();
		c.rollback();
		System.out.println("rollback " + one(s, "SELECT count(*) FROM hashes"));

		new Timer(true).schedule(new TimerTask() {
			public void run() {
				try {
					s.cancel();
				} catch (SQLException e) {
					e.printStackTrace();
				}
			}
		}, 300);
		failing(s, "SELECT pg_sleep(30)", "cancel");
		c.rollback();

		p = c.prepareStatement("SELECT signature FROM proofs WHERE digest = ?");
		p.setBytes(1, digest(0));
		r = p.executeQuery();
		r.next();
		System.out.println("proof " + HexFormat.of().formatHex(r.getBytes(1)));
		c.close();
	}
}
