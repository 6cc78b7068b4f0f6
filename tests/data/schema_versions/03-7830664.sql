BEGIN TRANSACTION;
CREATE TABLE "DICOMImages" ("SOPInstanc" varchar(64) PRIMARY KEY not null, "SOPClassUI" varchar(64), "ImageNumbe" varchar(12), "ImageDate" char(8), "ImageTime" varchar(16), "Referenced" varchar(64), "EchoNumber" varchar(64), "NumberOfFr" varchar(12), "AcqDate" char(8), "AcqTime" varchar(16), "ReceivingC" varchar(16), "AcqNumber" varchar(12), "SliceLocat" varchar(16), "SamplesPer" varchar(5), "PhotoMetri" varchar(16), "Rows" varchar(64), "Colums" varchar(64), "PixelSpaci" varchar(64), "BitsStored" varchar(5), "RescaleInt" varchar(64), "RescaleSlo" varchar(64), "ImageType" varchar(128), "ImageID" varchar(16), "ImagePat" varchar(64), "KVP" varchar(64), "ExposureTi" varchar(64), "TubeCurren" varchar(64), "Exposure" varchar(64), "CTDIvol" varchar(64), "Pitch" varchar(64), "RotationTi" varchar(64), "DoseRight" varchar(64), "Collimatio" varchar(64), "SliceThick" varchar(64), "ImageOrien" varchar(128), "Modality" varchar(64), "SeriesDesc" varchar(64), "ImagePosit" varchar(128), "QRows" varchar(5), "QColumns" varchar(5), "SeriesInst" varchar(64), AccessTime int, qTimeStamp int, qFlags int, qSpare varchar(64), ObjectFile varchar(255), DeviceName varchar(32), ElementCount text, ElementList text, Nfractions text, UniqueFOR_UID text, ReferencedSeriesUID text, ReferencedSOPUID text, DatabaseTimeStamp text, hash text);
INSERT INTO "DICOMImages" VALUES('2.25.332854263152100410253771650285660165664','1.2.840.10008.5.1.4.1.1.2','1','20240115','090000',NULL,NULL,NULL,'20240115','090000',NULL,'1','-1.5','1','MONOCHROME2','16','16','20\20','12','-1024.0','1.0','ORIGINAL\PRIMARY\AXIAL',NULL,'DEMO001','120','500','200','100','9.5',NULL,NULL,NULL,NULL,'3.0','1.0\0.0\0.0\0.0\1.0\0.0','CT','Planning CT thorax','-150\-150\-1.5','16','16','2.25.111731211677440125890136149387618905794',1795244256,NULL,NULL,NULL,'DEMO001/CT_001.dcm','MAG0',NULL,NULL,NULL,NULL,NULL,NULL,'1795244275.1247444',NULL);
INSERT INTO "DICOMImages" VALUES('2.25.148967981790754781956097141652626287643','1.2.840.10008.5.1.4.1.1.2','2','20240115','090001',NULL,NULL,NULL,'20240115','090000',NULL,'1','1.5','1','MONOCHROME2','16','16','20\20','12','-1024.0','1.0','ORIGINAL\PRIMARY\AXIAL',NULL,'DEMO001','120','500','200','100','9.5',NULL,NULL,NULL,NULL,'3.0','1.0\0.0\0.0\0.0\1.0\0.0','CT','Planning CT thorax','-150\-150\1.5','16','16','2.25.111731211677440125890136149387618905794',1795244256,NULL,NULL,NULL,'DEMO001/CT_002.dcm','MAG0',NULL,NULL,NULL,NULL,NULL,NULL,'1795244275.1247444',NULL);
INSERT INTO "DICOMImages" VALUES('2.25.328574683218608960936154360626563024457','1.2.840.10008.5.1.4.1.1.481.2','1','20240115','110500',NULL,NULL,'2',NULL,NULL,NULL,NULL,NULL,'1','MONOCHROME2','68','100','3.0\3.0','32',NULL,NULL,NULL,NULL,'DEMO001',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'3.0','1.0\0.0\0.0\0.0\1.0\0.0','RTDOSE','Dose','-148.5\-100.5\-1.5','68','100','2.25.339655882056927992102458563466529341001',1795244256,NULL,NULL,NULL,'DEMO001/RTDOSE.dcm','MAG0',NULL,NULL,NULL,NULL,NULL,'2.25.224561161307092584067099858050669299959','1795244275.1247444',NULL);
INSERT INTO "DICOMImages" VALUES('2.25.224561161307092584067099858050669299959','1.2.840.10008.5.1.4.1.1.481.5','1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'DEMO001',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'RTPLAN','Plan',NULL,NULL,NULL,'2.25.38051936843283331731373267039399952140',1795244256,NULL,NULL,NULL,'DEMO001/RTPLAN.dcm','MAG0','2','[[ Arc1_CW ,  DYNAMIC ,  PHOTON ,  0 ,  13 ,  6.0 ,  181 ,  1.0 ,  231.4 ,  [-66.1672, 6.048, 2.0547] ], [ Arc2_CCW ,  DYNAMIC ,  PHOTON ,  0 ,  13 ,  6.0 ,  179 ,  1.0 ,  228.6 ,  [-66.1672, 6.048, 2.0547] ]]','30',NULL,NULL,'2.25.147729433595155772241746426629231714369','1795244275.1247444',NULL);
INSERT INTO "DICOMImages" VALUES('2.25.147729433595155772241746426629231714369','1.2.840.10008.5.1.4.1.1.481.3','1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'DEMO001',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'RTSTRUCT','Structures',NULL,NULL,NULL,'2.25.134693703249029990417284479690316581976',1795244256,NULL,NULL,NULL,'DEMO001/RTSTRUCT.dcm','MAG0','7','[ BODY ,  Lung_L ,  Lung_R ,  SpinalCord ,  Heart ,  PTV_6000 ,  Bolus ]',NULL,'2.25.227304230339075676669510999113062303713','2.25.111731211677440125890136149387618905794',NULL,'1795244275.1247444',NULL);
INSERT INTO "DICOMImages" VALUES('2.25.218225946668549250714733362245446789417','1.2.840.10008.5.1.4.1.1.88.67','1','20240115','090500',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'DEMO001',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'SR','Dose report',NULL,NULL,NULL,'2.25.58209672567849732935863552645652426604',1795244256,NULL,NULL,NULL,'DEMO001/SR.dcm','MAG0',NULL,NULL,NULL,NULL,NULL,NULL,'1795244275.1247444',NULL);
CREATE TABLE "DICOMPatients" ("PatientID" varchar(64) PRIMARY KEY not null, "PatientNam" varchar(64), "PatientBir" char(8), "PatientSex" varchar(16), AccessTime int, qTimeStamp int, qFlags int, qSpare varchar(64));
INSERT INTO "DICOMPatients" VALUES('DEMO001','Demo^Patient One','19570305','O',1795244256,NULL,NULL,NULL);
CREATE TABLE "DICOMSeries" ("SeriesInst" varchar(64) PRIMARY KEY not null, "SeriesNumb" varchar(12), "SeriesDate" char(8), "SeriesTime" varchar(16), "SeriesDesc" varchar(64), "Modality" varchar(16), "ManModelNa" varchar(64), "Referenced" varchar(64), "PatientPos" varchar(16), "ContrastBo" varchar(64), "Manufactur" varchar(64), "BodyPartEx" varchar(64), "ProtocolNa" varchar(64), "StationNam" varchar(16), "Institutio" varchar(64), "FrameOfRef" varchar(64), "NumberOfFr" varchar(64), "DoseSummat" varchar(64), "StructureS" varchar(64), "SeriesPat" varchar(64), "OperatorsN" varchar(64), "ModelName" varchar(64), "StudyInsta" varchar(64), AccessTime int, qTimeStamp int, qFlags int, qSpare varchar(64));
INSERT INTO "DICOMSeries" VALUES('2.25.111731211677440125890136149387618905794','1','20240115','090000','Planning CT thorax','CT','Demo generator',NULL,'HFS',NULL,'pyconquest_rt','CHEST','Thorax RT','DEMOCT','Demo Hospital','2.25.227304230339075676669510999113062303713',NULL,NULL,NULL,'DEMO001','Demo^Operator','Demo generator','2.25.75470520340590249561354836626595003256',1795244256,NULL,NULL,NULL);
INSERT INTO "DICOMSeries" VALUES('2.25.339655882056927992102458563466529341001','4','20240115','110500','Dose','RTDOSE','Demo generator',NULL,NULL,NULL,'pyconquest_rt',NULL,NULL,NULL,'Demo Hospital','2.25.227304230339075676669510999113062303713','2','PLAN',NULL,'DEMO001','Demo^Operator','Demo generator','2.25.75470520340590249561354836626595003256',1795244256,NULL,NULL,NULL);
INSERT INTO "DICOMSeries" VALUES('2.25.38051936843283331731373267039399952140','3','20240115','110000','Plan','RTPLAN','Demo generator',NULL,NULL,NULL,'pyconquest_rt',NULL,NULL,NULL,'Demo Hospital','2.25.227304230339075676669510999113062303713',NULL,NULL,NULL,'DEMO001','Demo^Operator','Demo generator','2.25.75470520340590249561354836626595003256',1795244256,NULL,NULL,NULL);
INSERT INTO "DICOMSeries" VALUES('2.25.134693703249029990417284479690316581976','2','20240115','100000','Structures','RTSTRUCT','Demo generator','2.25.111731211677440125890136149387618905794',NULL,NULL,'pyconquest_rt',NULL,NULL,NULL,'Demo Hospital','2.25.227304230339075676669510999113062303713',NULL,NULL,'Thorax','DEMO001','Demo^Operator','Demo generator','2.25.75470520340590249561354836626595003256',1795244256,NULL,NULL,NULL);
INSERT INTO "DICOMSeries" VALUES('2.25.58209672567849732935863552645652426604','5','20240115','090500','Dose report','SR','Demo generator',NULL,NULL,NULL,'pyconquest_rt',NULL,NULL,NULL,'Demo Hospital',NULL,NULL,NULL,NULL,'DEMO001',NULL,'Demo generator','2.25.75470520340590249561354836626595003256',1795244256,NULL,NULL,NULL);
CREATE TABLE "DICOMStudies" ("StudyInsta" varchar(64) PRIMARY KEY not null, "StudyDate" char(8), "StudyTime" varchar(16), "StudyID" varchar(16), "StudyDescr" varchar(64), "AccessionN" varchar(16), "ReferPhysi" varchar(64), "PatientsAg" varchar(16), "PatientsWe" varchar(16), "StudyModal" varchar(64), "PatientNam" varchar(64), "PatientBir" char(8), "PatientSex" varchar(16), "OperatorsN" varchar(64), "PatientID" varchar(64), AccessTime int, qTimeStamp int, qFlags int, qSpare varchar(64));
INSERT INTO "DICOMStudies" VALUES('2.25.75470520340590249561354836626595003256','20240115','090000','1','Radiotherapy of the lung',NULL,'Demo^Physician','066Y','72','CT\RTDOSE\RTPLAN\RTSTRUCT\SR','Demo^Patient One','19570305','O',NULL,'DEMO001',1795244256,NULL,NULL,NULL);
CREATE TABLE "DICOMWorkList" ("AccessionN" varchar(16), "PatientID" varchar(64), "PatientNam" varchar(64), "PatientBir" char(8), "PatientSex" varchar(16), "MedicalAle" varchar(64), "ContrastAl" varchar(64), "StudyInsta" varchar(64), "ReqPhysici" varchar(64), "ReqProcDes" varchar(64), "Modality" varchar(16), "ReqContras" varchar(64), "ScheduledA" varchar(16), "StartDate" char(8), "StartTime" varchar(16), "PerfPhysic" varchar(64), "SchedPSDes" varchar(64), "SchedPSID" varchar(16), "SchedStati" varchar(16), "SchedPSLoc" varchar(16), "PreMedicat" varchar(64), "SchedPSCom" varchar(64), "ReqProcID" varchar(16), "ReqProcPri" varchar(16), AccessTime int, qTimeStamp int, qFlags int, qSpare varchar(64));
CREATE TABLE archive_state(name TEXT PRIMARY KEY, value TEXT);
INSERT INTO "archive_state" VALUES('schema:archive','1');
INSERT INTO "archive_state" VALUES('schema:derivations','1');
CREATE TABLE audit(
            id INTEGER PRIMARY KEY, time TEXT NOT NULL, action TEXT NOT NULL, subject TEXT, detail TEXT
        );
INSERT INTO "audit" VALUES(1,'2026-01-02','delete-series','1.2.3','a');
CREATE TABLE derivation_inputs(
            sop TEXT NOT NULL, extractor TEXT NOT NULL, input_sop TEXT NOT NULL, fingerprint TEXT NOT NULL,
            PRIMARY KEY(sop, extractor, input_sop)
        ) WITHOUT ROWID;
CREATE TABLE derivations(
            sop TEXT NOT NULL, extractor TEXT NOT NULL, version INTEGER NOT NULL,
            state TEXT NOT NULL, result TEXT, reason TEXT, worker TEXT, lease REAL,
            attempts INTEGER NOT NULL DEFAULT 0, time TEXT, seconds REAL,
            PRIMARY KEY(sop, extractor)
        ) WITHOUT ROWID;
CREATE TABLE derived_tables(name TEXT PRIMARY KEY NOT NULL, extractor TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files(
            path TEXT PRIMARY KEY NOT NULL, size INTEGER, mtime_ns INTEGER, sop TEXT, state TEXT NOT NULL
        ) WITHOUT ROWID;
INSERT INTO "files" VALUES('DEMO001/CT_001.dcm',2112,1700000000000000000,'2.25.332854263152100410253771650285660165664','indexed');
INSERT INTO "files" VALUES('DEMO001/CT_002.dcm',2112,1700000000000000000,'2.25.148967981790754781956097141652626287643','indexed');
INSERT INTO "files" VALUES('DEMO001/RTDOSE.dcm',55838,1700000000000000000,'2.25.328574683218608960936154360626563024457','indexed');
INSERT INTO "files" VALUES('DEMO001/RTPLAN.dcm',28850,1700000000000000000,'2.25.224561161307092584067099858050669299959','indexed');
INSERT INTO "files" VALUES('DEMO001/RTSTRUCT.dcm',22742,1700000000000000000,'2.25.147729433595155772241746426629231714369','indexed');
INSERT INTO "files" VALUES('DEMO001/SR.dcm',11290,1700000000000000000,'2.25.218225946668549250714733362245446789417','indexed');
INSERT INTO "files" VALUES('DEMO001/notes.txt',9,1700000000000000000,NULL,'rejected');
CREATE TABLE my_notes(SOPInstanceUID TEXT, note TEXT);
INSERT INTO "my_notes" VALUES('1.2.3','looked at it');
CREATE TABLE rejected(
            id INTEGER PRIMARY KEY, path TEXT, SOPInstanceUID TEXT, reason TEXT NOT NULL, time TEXT NOT NULL
        );
INSERT INTO "rejected" VALUES(1,'DEMO001/notes.txt',NULL,'not a DICOM file: no letters DICM at byte 128, no data set at its start','2026-11-21T06:57:55+00:00');
CREATE INDEX study_lnk ON DICOMStudies (PatientID);
CREATE INDEX idx_patientid ON DICOMPatients (PatientID);
CREATE INDEX idx_patientid_studyinsta ON DICOMStudies (PatientID, StudyInsta);
CREATE INDEX series_lnk ON DICOMSeries (StudyInsta);
CREATE INDEX series_pat ON DICOMSeries (SeriesPat);
CREATE INDEX idx_studyinsta_seriesinst ON DICOMSeries (StudyInsta, SeriesInst);
CREATE INDEX images_lnk ON DICOMImages (SeriesInst);
CREATE INDEX images_pat ON DICOMImages (ImagePat);
CREATE INDEX idx_seriesinst_sopinstanc ON DICOMImages (SeriesInst, SOPInstanc);
CREATE INDEX index_dicomimages ON DICOMImages (SOPInstanc);
CREATE INDEX index_dicomseries ON DICOMSeries (SeriesInst);
CREATE INDEX index_dicomimages_seriesinst ON DICOMImages (SeriesInst);
CREATE VIEW v_series AS
SELECT series.*, studies.* FROM DICOMSeries series
JOIN DICOMStudies studies ON series.StudyInsta = studies.StudyInsta;
CREATE VIEW v_seriesRT AS
SELECT series.*, studies.*, images.* FROM DICOMSeries series
JOIN DICOMStudies studies ON series.StudyInsta = studies.StudyInsta
JOIN DICOMImages images ON images.SeriesInst = series.SeriesInst
WHERE series.Modality IN ('RTSTRUCT', 'RTDOSE', 'RTPLAN');
CREATE INDEX files_not_indexed ON files(sop) WHERE state <> 'indexed';
CREATE INDEX rejected_path ON rejected(path);
CREATE INDEX derivations_unfinished ON derivations(extractor, state) WHERE state <> 'done';
CREATE INDEX derivation_inputs_of ON derivation_inputs(input_sop);
CREATE INDEX images_sop_class ON DICOMImages(SOPClassUI);
COMMIT;
