# Django: models made by inspectdb, then used.
import decimal, hashlib, io, os, threading
import django
from django.conf import settings

settings.configure(INSTALLED_APPS=[], USE_TZ=True, DATABASES={"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "HOST": os.environ["PGHOST"],
    "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"]}})
django.setup()
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction

me = os.environ["PGUSER"]


def digest(i):
    return hashlib.sha256(f"{me} {i}".encode()).digest()


text = io.StringIO()
call_command("inspectdb", "hashes", "proofs", "rounds", stdout=text)
assert "Unable to inspect" not in text.getvalue(), text.getvalue()
module = {"__name__": "ledger.models"}
exec(text.getvalue().replace("        managed = False", "        managed = False\n        app_label = 'ledger'"), module)
Hashes, Proofs, Rounds = module["Hashes"], module["Proofs"], module["Rounds"]
assert Hashes._meta.pk.name == "receipt" and isinstance(Proofs._meta.get_field("proof"), models.JSONField), text.getvalue()



class Filing(models.Model):  # what is filed: a model's INSERT names all of its columns, and the server fills the others
    digest = models.BinaryField(primary_key=True)

    class Meta:
        managed = False
        app_label = "ledger"
        db_table = "hashes"


Filing(digest(0)).save(force_insert=True)
print("insert", Hashes.objects.get(digest=digest(0)).receipt.split("/")[1])
for _ in range(3):
    assert bytes(Hashes.objects.filter(digest=digest(0)).values_list("digest", flat=True)[0]) == digest(0)
print("prepared 1")

with transaction.atomic():
    Filing.objects.bulk_create([Filing(digest(i)) for i in range(1, 101)])
print("batch 100")
with transaction.atomic(), connection.cursor() as cur:
    cur.cursor.copy_expert("COPY hashes (digest) FROM STDIN", io.StringIO("".join("\\\\x" + digest(i).hex() + "\n" for i in range(101, 1101))))
    print("copy", cur.cursor.rowcount)
print("count", Hashes.objects.count())
print("cursor", sum(1 for _ in Hashes.objects.only("digest").iterator(chunk_size=100)))

rounds = Rounds.objects.order_by("-round").annotate(double=models.F("leaves") * 2)
assert all(r.double == 2 * r.leaves for r in rounds)
with connection.cursor() as cur:
    cur.execute(r"""SELECT true, 7::int8, 1.25::numeric, 'é'::text, '2026-01-02 03:04:05.678+00'::timestamptz, ARRAY[1, NULL, 3],
        '{"a": [1]}'::json, NULL::bytea, '\x00ff'::bytea, 0.5::float8""")
    row = list(cur.fetchone())
    assert row[:4] == [True, 7, decimal.Decimal("1.25"), "é"], row
    assert row[4].timestamp() == 1767323045.678 and row[5] == [1, None, 3] and row[6] == {"a": [1]}, row
    assert row[7] is None and bytes(row[8]) == b"\x00\xff" and row[9] == 0.5, row
print("types ok")


def code(sql):
    try:
        with connection.cursor() as cur:
            cur.execute(sql)
    except DatabaseError as e:
        return e.__cause__.pgcode


transaction.set_autocommit(False)
for sql in ["SELECT nosuch FROM hashes", "SELECT 1", "SELECT 1/0"]:
    print("error", code(sql))
    if sql != "SELECT nosuch FROM hashes":
        transaction.rollback()
transaction.set_autocommit(True)

try:
    with transaction.atomic():
        Filing(digest(2000)).save(force_insert=True)
        try:
            with transaction.atomic():  # a savepoint
                Filing(digest(2001)).save(force_insert=True)
                raise ValueError
        except ValueError:
            pass
        raise KeyError
except KeyError:
    print("rollback", Hashes.objects.count())

threading.Timer(0.3, connection.connection.cancel).start()
print("cancel", code("SELECT pg_sleep(30)"))
print("proof", bytes(Proofs.objects.get(digest=digest(0)).signature).hex())
