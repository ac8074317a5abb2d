PRAGMA application_id = 1752198961;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE header (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "header" VALUES('settings','{"metric": "loss", "mode": "minimise", "brackets": [[[4, 0, 1, 2], [2, 1, 2, 1], [1, 2, 4, 1]], [[3, 0, 2, 1], [1, 2, 4, 1]], [[3, 0, 4, 1]]], "concurrent_brackets": 1, "searcher": "random", "space": {"x": ["Float", 0, 1]}, "rule": "extrapolation", "predictor": {"predictor": "persistence"}, "min_curves": 2, "full_share": 0.5, "decision_point": 0.5, "quantile": 0.25}');
INSERT INTO "header" VALUES('seed','3');
INSERT INTO "header" VALUES('created','1795857479.7688189');
INSERT INTO "header" VALUES('versions','{"python": "3.11.7", "numpy": "2.4.6", "scikit-learn": "1.9.1", "dwave-samplers": "1.8.0", "jax": "0.10.2"}');
CREATE TABLE log (
    number INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL
);
INSERT INTO "log" VALUES(1,1.79585747982318854332e+09,'asked','{"trial": 0, "configuration": {"x": 0.08564916714362436}, "first_epoch": 0, "last_epoch": 1}');
INSERT INTO "log" VALUES(2,1.79585747985490727426e+09,'asked','{"trial": 1, "configuration": {"x": 0.25325307785026463}, "first_epoch": 0, "last_epoch": 1}');
INSERT INTO "log" VALUES(3,1.79585747988692808144e+09,'told','{"kind": "Reported", "trial": 0, "epoch": 1, "metrics": {"loss": 0.08564916714362436}}');
INSERT INTO "log" VALUES(4,1.79585747988699960704e+09,'told','{"kind": "Completed", "trial": 0, "epoch": 1}');
INSERT INTO "log" VALUES(5,1.79585747992680883405e+09,'asked','{"trial": 2, "configuration": {"x": 0.025540150665761763}, "first_epoch": 0, "last_epoch": 1}');
INSERT INTO "log" VALUES(6,1.79585747995505809783e+09,'told','{"kind": "Reported", "trial": 1, "epoch": 1, "metrics": {"loss": 0.25325307785026463}}');
INSERT INTO "log" VALUES(7,1.79585747995511460298e+09,'told','{"kind": "Completed", "trial": 1, "epoch": 1}');
INSERT INTO "log" VALUES(8,1.79585747998683238025e+09,'asked','{"trial": 3, "configuration": {"x": 0.10279961496481804}, "first_epoch": 0, "last_epoch": 1}');
INSERT INTO "log" VALUES(9,1.79585748002301335331e+09,'told','{"kind": "Reported", "trial": 2, "epoch": 1, "metrics": {"loss": 0.025540150665761763}}');
INSERT INTO "log" VALUES(10,1.79585748002307057382e+09,'told','{"kind": "Completed", "trial": 2, "epoch": 1}');
INSERT INTO "log" VALUES(11,1.79585748003525853162e+09,'told','{"kind": "Reported", "trial": 3, "epoch": 1, "metrics": {"loss": 0.10279961496481804}}');
INSERT INTO "log" VALUES(12,1.79585748003530383106e+09,'told','{"kind": "Completed", "trial": 3, "epoch": 1}');
INSERT INTO "log" VALUES(13,1.79585748006437063211e+09,'asked','{"trial": 2, "configuration": {"x": 0.025540150665761763}, "first_epoch": 1, "last_epoch": 2}');
INSERT INTO "log" VALUES(14,1.79585748009893155091e+09,'asked','{"trial": 0, "configuration": {"x": 0.08564916714362436}, "first_epoch": 1, "last_epoch": 2}');
INSERT INTO "log" VALUES(15,1.79585748013889622692e+09,'told','{"kind": "Reported", "trial": 0, "epoch": 2, "metrics": {"loss": 0.08564916714362436}}');
INSERT INTO "log" VALUES(16,1.79585748013894867898e+09,'told','{"kind": "Completed", "trial": 0, "epoch": 2}');
COMMIT;
