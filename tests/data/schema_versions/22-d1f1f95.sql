BEGIN TRANSACTION;
CREATE TABLE "DICOMImages" ("SOPInstanc" varchar(64) PRIMARY KEY not null, "SOPClassUI" varchar(64), "ImageNumbe" varchar(12), "ImageDate" char(8), "ImageTime" varchar(16), "Referenced" varchar(64), "EchoNumber" varchar(64), "NumberOfFr" varchar(12), "AcqDate" char(8), "AcqTime" varchar(16), "ReceivingC" varchar(16), "AcqNumber" varchar(12), "SliceLocat" varchar(16), "SamplesPer" varchar(5), "PhotoMetri" varchar(16), "Rows" varchar(64), "Colums" varchar(64), "PixelSpaci" varchar(64), "BitsStored" varchar(5), "RescaleInt" varchar(64), "RescaleSlo" varchar(64), "ImageType" varchar(128), "ImageID" varchar(16), "ImagePat" varchar(64), "KVP" varchar(64), "ExposureTi" varchar(64), "TubeCurren" varchar(64), "Exposure" varchar(64), "CTDIvol" varchar(64), "Pitch" varchar(64), "RotationTi" varchar(64), "DoseRight" varchar(64), "Collimatio" varchar(64), "SliceThick" varchar(64), "ImageOrien" varchar(128), "Modality" varchar(64), "SeriesDesc" varchar(64), "ImagePosit" varchar(128), "QRows" varchar(5), "QColumns" varchar(5), "SeriesInst" varchar(64), AccessTime int, qTimeStamp int, qFlags int, qSpare varchar(64), ObjectFile varchar(255), DeviceName varchar(32), ElementCount text, ElementList text, Nfractions text, UniqueFOR_UID text, ReferencedSeriesUID text, ReferencedSOPUID text, DatabaseTimeStamp text, hash text);
INSERT INTO "DICOMImages" VALUES('2.25.332854263152100410253771650285660165664','1.2.840.10008.5.1.4.1.1.2','1','20240115','090000',NULL,NULL,NULL,'20240115','090000',NULL,'1','-1.5','1','MONOCHROME2','16','16','20\20','12','-1024.0','1.0','ORIGINAL\PRIMARY\AXIAL',NULL,'DEMO001','120','500','200','100','9.5',NULL,NULL,NULL,NULL,'3.0','1.0\0.0\0.0\0.0\1.0\0.0','CT','Planning CT thorax','-150\-150\-1.5','16','16','2.25.111731211677440125890136149387618905794',1796105184,NULL,NULL,NULL,'DEMO001/CT_001.dcm','MAG0',NULL,NULL,NULL,NULL,NULL,NULL,'1796105184.9704242',NULL);
INSERT INTO "DICOMImages" VALUES('2.25.148967981790754781956097141652626287643','1.2.840.10008.5.1.4.1.1.2','2','20240115','090001',NULL,NULL,NULL,'20240115','090000',NULL,'1','1.5','1','MONOCHROME2','16','16','20\20','12','-1024.0','1.0','ORIGINAL\PRIMARY\AXIAL',NULL,'DEMO001','120','500','200','100','9.5',NULL,NULL,NULL,NULL,'3.0','1.0\0.0\0.0\0.0\1.0\0.0','CT','Planning CT thorax','-150\-150\1.5','16','16','2.25.111731211677440125890136149387618905794',1796105184,NULL,NULL,NULL,'DEMO001/CT_002.dcm','MAG0',NULL,NULL,NULL,NULL,NULL,NULL,'1796105184.9704242',NULL);
INSERT INTO "DICOMImages" VALUES('2.25.328574683218608960936154360626563024457','1.2.840.10008.5.1.4.1.1.481.2','1','20240115','110500',NULL,NULL,'2',NULL,NULL,NULL,NULL,NULL,'1','MONOCHROME2','68','100','3.0\3.0','32',NULL,NULL,NULL,NULL,'DEMO001',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'3.0','1.0\0.0\0.0\0.0\1.0\0.0','RTDOSE','Dose','-148.5\-100.5\-1.5','68','100','2.25.339655882056927992102458563466529341001',1796105184,NULL,NULL,NULL,'DEMO001/RTDOSE.dcm','MAG0',NULL,NULL,NULL,NULL,NULL,'2.25.224561161307092584067099858050669299959','1796105184.9704242',NULL);
INSERT INTO "DICOMImages" VALUES('2.25.224561161307092584067099858050669299959','1.2.840.10008.5.1.4.1.1.481.5','1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'DEMO001',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'RTPLAN','Plan',NULL,NULL,NULL,'2.25.38051936843283331731373267039399952140',1796105184,NULL,NULL,NULL,'DEMO001/RTPLAN.dcm','MAG0','2','[[ Arc1_CW ,  DYNAMIC ,  PHOTON ,  0 ,  13 ,  6.0 ,  181 ,  1.0 ,  231.4 ,  [-66.1672, 6.048, 2.0547] ], [ Arc2_CCW ,  DYNAMIC ,  PHOTON ,  0 ,  13 ,  6.0 ,  179 ,  1.0 ,  228.6 ,  [-66.1672, 6.048, 2.0547] ]]','30',NULL,NULL,'2.25.147729433595155772241746426629231714369','1796105184.9704242',NULL);
INSERT INTO "DICOMImages" VALUES('2.25.147729433595155772241746426629231714369','1.2.840.10008.5.1.4.1.1.481.3','1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'DEMO001',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'RTSTRUCT','Structures',NULL,NULL,NULL,'2.25.134693703249029990417284479690316581976',1796105184,NULL,NULL,NULL,'DEMO001/RTSTRUCT.dcm','MAG0','7','[ BODY ,  Lung_L ,  Lung_R ,  SpinalCord ,  Heart ,  PTV_6000 ,  Bolus ]',NULL,'2.25.227304230339075676669510999113062303713','2.25.111731211677440125890136149387618905794',NULL,'1796105184.9704242',NULL);
INSERT INTO "DICOMImages" VALUES('2.25.218225946668549250714733362245446789417','1.2.840.10008.5.1.4.1.1.88.67','1','20240115','090500',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'DEMO001',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'SR','Dose report',NULL,NULL,NULL,'2.25.58209672567849732935863552645652426604',1796105184,NULL,NULL,NULL,'DEMO001/SR.dcm','MAG0',NULL,NULL,NULL,NULL,NULL,NULL,'1796105184.9704242',NULL);
CREATE TABLE "DICOMPatients" ("PatientID" varchar(64) PRIMARY KEY not null, "PatientNam" varchar(64), "PatientBir" char(8), "PatientSex" varchar(16), AccessTime int, qTimeStamp int, qFlags int, qSpare varchar(64));
INSERT INTO "DICOMPatients" VALUES('DEMO001','Demo^Patient One','19570305','O',1796105184,NULL,NULL,NULL);
CREATE TABLE "DICOMSeries" ("SeriesInst" varchar(64) PRIMARY KEY not null, "SeriesNumb" varchar(12), "SeriesDate" char(8), "SeriesTime" varchar(16), "SeriesDesc" varchar(64), "Modality" varchar(16), "ManModelNa" varchar(64), "Referenced" varchar(64), "PatientPos" varchar(16), "ContrastBo" varchar(64), "Manufactur" varchar(64), "BodyPartEx" varchar(64), "ProtocolNa" varchar(64), "StationNam" varchar(16), "Institutio" varchar(64), "FrameOfRef" varchar(64), "NumberOfFr" varchar(64), "DoseSummat" varchar(64), "StructureS" varchar(64), "SeriesPat" varchar(64), "OperatorsN" varchar(64), "ModelName" varchar(64), "StudyInsta" varchar(64), AccessTime int, qTimeStamp int, qFlags int, qSpare varchar(64));
INSERT INTO "DICOMSeries" VALUES('2.25.111731211677440125890136149387618905794','1','20240115','090000','Planning CT thorax','CT','Demo generator',NULL,'HFS',NULL,'pyconquest_rt','CHEST','Thorax RT','DEMOCT','Demo Hospital','2.25.227304230339075676669510999113062303713',NULL,NULL,NULL,'DEMO001','Demo^Operator','Demo generator','2.25.75470520340590249561354836626595003256',1796105184,NULL,NULL,NULL);
INSERT INTO "DICOMSeries" VALUES('2.25.339655882056927992102458563466529341001','4','20240115','110500','Dose','RTDOSE','Demo generator',NULL,NULL,NULL,'pyconquest_rt',NULL,NULL,NULL,'Demo Hospital','2.25.227304230339075676669510999113062303713','2','PLAN',NULL,'DEMO001','Demo^Operator','Demo generator','2.25.75470520340590249561354836626595003256',1796105184,NULL,NULL,NULL);
INSERT INTO "DICOMSeries" VALUES('2.25.38051936843283331731373267039399952140','3','20240115','110000','Plan','RTPLAN','Demo generator',NULL,NULL,NULL,'pyconquest_rt',NULL,NULL,NULL,'Demo Hospital','2.25.227304230339075676669510999113062303713',NULL,NULL,NULL,'DEMO001','Demo^Operator','Demo generator','2.25.75470520340590249561354836626595003256',1796105184,NULL,NULL,NULL);
INSERT INTO "DICOMSeries" VALUES('2.25.134693703249029990417284479690316581976','2','20240115','100000','Structures','RTSTRUCT','Demo generator','2.25.111731211677440125890136149387618905794',NULL,NULL,'pyconquest_rt',NULL,NULL,NULL,'Demo Hospital','2.25.227304230339075676669510999113062303713',NULL,NULL,'Thorax','DEMO001','Demo^Operator','Demo generator','2.25.75470520340590249561354836626595003256',1796105184,NULL,NULL,NULL);
INSERT INTO "DICOMSeries" VALUES('2.25.58209672567849732935863552645652426604','5','20240115','090500','Dose report','SR','Demo generator',NULL,NULL,NULL,'pyconquest_rt',NULL,NULL,NULL,'Demo Hospital',NULL,NULL,NULL,NULL,'DEMO001',NULL,'Demo generator','2.25.75470520340590249561354836626595003256',1796105184,NULL,NULL,NULL);
CREATE TABLE "DICOMStudies" ("StudyInsta" varchar(64) PRIMARY KEY not null, "StudyDate" char(8), "StudyTime" varchar(16), "StudyID" varchar(16), "StudyDescr" varchar(64), "AccessionN" varchar(16), "ReferPhysi" varchar(64), "PatientsAg" varchar(16), "PatientsWe" varchar(16), "StudyModal" varchar(64), "PatientNam" varchar(64), "PatientBir" char(8), "PatientSex" varchar(16), "OperatorsN" varchar(64), "PatientID" varchar(64), AccessTime int, qTimeStamp int, qFlags int, qSpare varchar(64));
INSERT INTO "DICOMStudies" VALUES('2.25.75470520340590249561354836626595003256','20240115','090000','1','Radiotherapy of the lung',NULL,'Demo^Physician','066Y','72','CT\RTDOSE\RTPLAN\RTSTRUCT\SR','Demo^Patient One','19570305','O',NULL,'DEMO001',1796105184,NULL,NULL,NULL);
CREATE TABLE "DICOMWorkList" ("AccessionN" varchar(16), "PatientID" varchar(64), "PatientNam" varchar(64), "PatientBir" char(8), "PatientSex" varchar(16), "MedicalAle" varchar(64), "ContrastAl" varchar(64), "StudyInsta" varchar(64), "ReqPhysici" varchar(64), "ReqProcDes" varchar(64), "Modality" varchar(16), "ReqContras" varchar(64), "ScheduledA" varchar(16), "StartDate" char(8), "StartTime" varchar(16), "PerfPhysic" varchar(64), "SchedPSDes" varchar(64), "SchedPSID" varchar(16), "SchedStati" varchar(16), "SchedPSLoc" varchar(16), "PreMedicat" varchar(64), "SchedPSCom" varchar(64), "ReqProcID" varchar(16), "ReqProcPri" varchar(16), AccessTime int, qTimeStamp int, qFlags int, qSpare varchar(64));
CREATE TABLE archive_migrations(name TEXT PRIMARY KEY NOT NULL, time TEXT NOT NULL);
INSERT INTO "archive_migrations" VALUES('forward.queue','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('archive.files','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('archive.fewer_indices','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('derivations.account','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('derivations.awaited','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('jobs.runs','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('watch.kept_files','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('derivations.due_with_arrival','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('derivations.gathers','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('pseudonyms.map','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('archive.corrections','2026-12-01T06:06:24+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.structure_set.1','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.plan.1','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dose.1','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dose.2','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dvh.1','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dvh.2','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dvh.3','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dvh.4','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.relation.1','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.goals.1','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dose_report.1','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dose_report.2','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dose_report.3','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dose_report.4','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dose_page.1','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dose_ct_image.1','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.dose_nuclear.1','2026-12-01T06:06:25+00:00');
INSERT INTO "archive_migrations" VALUES('extractor.volume_verdict.1','2026-12-01T06:06:25+00:00');
CREATE TABLE archive_state(name TEXT PRIMARY KEY, value TEXT);
INSERT INTO "archive_state" VALUES('settings:structure_set','1');
INSERT INTO "archive_state" VALUES('due:looked','6');
INSERT INTO "archive_state" VALUES('due:round','0');
CREATE TABLE audit(
            id INTEGER PRIMARY KEY, time TEXT NOT NULL, action TEXT NOT NULL, subject TEXT, detail TEXT
        );
INSERT INTO "audit" VALUES(1,'2026-01-02','delete-series','1.2.3','a');
CREATE TABLE contested(
            path TEXT PRIMARY KEY NOT NULL, sop TEXT NOT NULL, series TEXT NOT NULL, study TEXT NOT NULL,
            patient TEXT NOT NULL
        ) WITHOUT ROWID;
CREATE TABLE corrections(
            id INTEGER PRIMARY KEY, level TEXT NOT NULL, uid TEXT NOT NULL, tag INTEGER NOT NULL,
            former TEXT NOT NULL, value TEXT NOT NULL, time TEXT NOT NULL
        );
INSERT INTO "corrections" VALUES(1,'study','1.2.3',1048608,'A','B','2026-01-02');
CREATE TABLE derivation_inputs(
            sop TEXT NOT NULL, extractor TEXT NOT NULL, input_sop TEXT NOT NULL, fingerprint TEXT NOT NULL,
            PRIMARY KEY(sop, extractor, input_sop)
        ) WITHOUT ROWID;
INSERT INTO "derivation_inputs" VALUES('2.25.147729433595155772241746426629231714369','relation','2.25.147729433595155772241746426629231714369','22742:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.147729433595155772241746426629231714369','relation','2.25.224561161307092584067099858050669299959','28850:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.147729433595155772241746426629231714369','structure_set','2.25.147729433595155772241746426629231714369','22742:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.148967981790754781956097141652626287643','dose_ct_image','2.25.148967981790754781956097141652626287643','2112:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.148967981790754781956097141652626287643','volume_verdict','2.25.148967981790754781956097141652626287643','2112:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.148967981790754781956097141652626287643','volume_verdict','2.25.332854263152100410253771650285660165664','2112:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.218225946668549250714733362245446789417','dose_report','2.25.218225946668549250714733362245446789417','11290:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.224561161307092584067099858050669299959','plan','2.25.224561161307092584067099858050669299959','28850:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.328574683218608960936154360626563024457','dose','2.25.328574683218608960936154360626563024457','55838:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.328574683218608960936154360626563024457','dvh','2.25.147729433595155772241746426629231714369','22742:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.328574683218608960936154360626563024457','dvh','2.25.224561161307092584067099858050669299959','28850:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.328574683218608960936154360626563024457','dvh','2.25.328574683218608960936154360626563024457','55838:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.328574683218608960936154360626563024457','goals','2.25.328574683218608960936154360626563024457','55838:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.328574683218608960936154360626563024457','isodose','2.25.328574683218608960936154360626563024457','55838:1700000000000000000');
INSERT INTO "derivation_inputs" VALUES('2.25.328574683218608960936154360626563024457','volume_verdict','2.25.328574683218608960936154360626563024457','55838:1700000000000000000');
CREATE TABLE derivations(
            sop TEXT NOT NULL, extractor TEXT NOT NULL, version INTEGER NOT NULL,
            state TEXT NOT NULL, result TEXT, reason TEXT, awaited TEXT, worker TEXT, lease REAL,
            attempts INTEGER NOT NULL DEFAULT 0, time TEXT, seconds REAL, unit TEXT, token TEXT,
            PRIMARY KEY(sop, extractor)
        ) WITHOUT ROWID;
INSERT INTO "derivations" VALUES('2.25.147729433595155772241746426629231714369','relation',1418632,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:26.309+00:00',6.22535536997020244598e-01,NULL,NULL);
INSERT INTO "derivations" VALUES('2.25.147729433595155772241746426629231714369','structure_set',4,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:25.570+00:00',4.82987159994081594049e-02,NULL,NULL);
INSERT INTO "derivations" VALUES('2.25.148967981790754781956097141652626287643','dose_ct_image',5,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:26.336+00:00',2.52709200140088796615e-03,'["2.25.111731211677440125890136149387618905794", "1", "9.5"]',NULL);
INSERT INTO "derivations" VALUES('2.25.148967981790754781956097141652626287643','volume_verdict',3,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:26.350+00:00',1.32150009994802530854e-02,'["2.25.111731211677440125890136149387618905794"]',NULL);
INSERT INTO "derivations" VALUES('2.25.218225946668549250714733362245446789417','dose_report',5,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:26.333+00:00',1.05882120005844626575e-02,NULL,NULL);
INSERT INTO "derivations" VALUES('2.25.224561161307092584067099858050669299959','plan',2,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:25.588+00:00',1.69764300007955171167e-02,NULL,NULL);
INSERT INTO "derivations" VALUES('2.25.328574683218608960936154360626563024457','dose',2,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:25.591+00:00',2.93584100290900096297e-03,NULL,NULL);
INSERT INTO "derivations" VALUES('2.25.328574683218608960936154360626563024457','dvh',6268754,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:25.686+00:00',9.43243889996665529906e-02,NULL,NULL);
INSERT INTO "derivations" VALUES('2.25.328574683218608960936154360626563024457','goals',1000000,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:26.322+00:00',8.05728999694110825657e-04,NULL,NULL);
INSERT INTO "derivations" VALUES('2.25.328574683218608960936154360626563024457','isodose',1,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:26.320+00:00',1.06813329985016025602e-02,NULL,NULL);
INSERT INTO "derivations" VALUES('2.25.328574683218608960936154360626563024457','volume_verdict',3,'done','done',NULL,NULL,NULL,NULL,0,'2026-12-01T06:06:26.354+00:00',2.79683800181373953819e-03,'["2.25.339655882056927992102458563466529341001"]',NULL);
CREATE TABLE derived_tables(name TEXT PRIMARY KEY NOT NULL, extractor TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "derived_tables" VALUES('dose_accumulated','dose_ct_image');
INSERT INTO "derived_tables" VALUES('dose_event','dose_page');
INSERT INTO "derived_tables" VALUES('dose_event_filter','dose_report');
INSERT INTO "derived_tables" VALUES('dose_event_source','dose_nuclear');
INSERT INTO "derived_tables" VALUES('dose_item','dose_page');
INSERT INTO "derived_tables" VALUES('dose_object','dose_nuclear');
INSERT INTO "derived_tables" VALUES('dvh','dvh');
INSERT INTO "derived_tables" VALUES('dvh_metrics','dvh');
INSERT INTO "derived_tables" VALUES('rt_beam','plan');
INSERT INTO "derived_tables" VALUES('rt_dose','dose');
INSERT INTO "derived_tables" VALUES('rt_fraction_group','plan');
INSERT INTO "derived_tables" VALUES('rt_goal_result','goals');
INSERT INTO "derived_tables" VALUES('rt_isodose','isodose');
INSERT INTO "derived_tables" VALUES('rt_plan','plan');
INSERT INTO "derived_tables" VALUES('rt_relation','relation');
INSERT INTO "derived_tables" VALUES('rt_roi','structure_set');
INSERT INTO "derived_tables" VALUES('rt_structure_set','structure_set');
INSERT INTO "derived_tables" VALUES('rt_sts','relation');
INSERT INTO "derived_tables" VALUES('volume_verdict','volume_verdict');
CREATE TABLE dose_accumulated (
  SOPInstanceUID TEXT,
  seq INTEGER,
  event INTEGER,
  kind TEXT,
  acquisition_plane TEXT,
  laterality TEXT,
  finding_site TEXT,
  ct_dose_length_product_total_mGycm REAL,
  ctdiw_phantom_type TEXT,
  total_number_of_irradiation_events INTEGER,
  ct_effective_dose_total_mSv REAL,
  dose_area_product_total_Gym2 REAL,
  dose_rp_total_Gy REAL,
  fluoro_dose_area_product_total_Gym2 REAL,
  fluoro_dose_rp_total_Gy REAL,
  total_fluoro_time_s REAL,
  acquisition_dose_area_product_total_Gym2 REAL,
  acquisition_dose_rp_total_Gy REAL,
  total_acquisition_time_s REAL,
  total_number_of_radiographic_frames INTEGER,
  accumulated_average_glandular_dose_mGy REAL,
  reference_point_definition TEXT,
  distance_source_to_reference_point_mm REAL,
  calibration_factor REAL,
  calibration_uncertainty_percent REAL,
  calibration_datetime TEXT,
  calibration_responsible_party TEXT,
  calibration_protocol TEXT,
  dose_measurement_device TEXT,
  estimate_name TEXT,
  organ_dose_mGy REAL,
  maximum_dose_mGy REAL,
  median_dose_mGy REAL,
  minimum_dose_mGy REAL,
  equivalent_dose_mSv REAL,
  maximum_equivalent_dose_mSv REAL,
  estimate_method TEXT,
  patient_model_type TEXT,
  effective_dose_mSv REAL,
  effective_dose_method TEXT,
  reference_authority TEXT,
  PRIMARY KEY (SOPInstanceUID, seq)
);
INSERT INTO "dose_accumulated" VALUES('2.25.218225946668549250714733362245446789417',1,NULL,'CT',NULL,NULL,NULL,6.62,NULL,2,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE dose_counted (
  StudyInstanceUID TEXT, SOPInstanceUID TEXT, event INTEGER, told_by TEXT, told_by_event INTEGER, why TEXT,
  details TEXT, details_event INTEGER, PRIMARY KEY (SOPInstanceUID, event));
INSERT INTO "dose_counted" VALUES('2.25.75470520340590249561354836626595003256','2.25.148967981790754781956097141652626287643',1,'2.25.218225946668549250714733362245446789417',2,'images beside a report of the device',NULL,NULL);
INSERT INTO "dose_counted" VALUES('2.25.75470520340590249561354836626595003256','2.25.218225946668549250714733362245446789417',2,NULL,NULL,NULL,'2.25.148967981790754781956097141652626287643',1);
INSERT INTO "dose_counted" VALUES('2.25.75470520340590249561354836626595003256','2.25.218225946668549250714733362245446789417',1,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE dose_drl (
  standard_name TEXT, quantity TEXT, part TEXT NOT NULL DEFAULT '', from_years REAL NOT NULL DEFAULT 0,
  to_years REAL, value REAL NOT NULL, source TEXT, PRIMARY KEY (standard_name, quantity, part, from_years));
CREATE TABLE dose_event (
  SOPInstanceUID TEXT,
  event INTEGER,
  StudyInstanceUID TEXT,
  event_kind TEXT,
  event_key TEXT,
  acquisition_plane TEXT,
  irradiation_event_uid TEXT,
  irradiation_event_label TEXT,
  date_time_started TEXT,
  irradiation_event_type TEXT,
  acquisition_protocol TEXT,
  acquisition_protocol_source TEXT,
  anatomical_structure TEXT,
  laterality TEXT,
  image_view TEXT,
  image_view_modifier TEXT,
  patient_table_relationship TEXT,
  patient_orientation TEXT,
  patient_position TEXT,
  patient_orientation_modifier TEXT,
  target_region TEXT,
  dose_area_product_Gym2 REAL,
  half_value_layer_mm REAL,
  entrance_exposure_at_rp_mGy REAL,
  patient_equivalent_thickness_mm REAL,
  reference_point_definition TEXT,
  comment TEXT,
  dose_rp_Gy REAL,
  average_glandular_dose_mGy REAL,
  fluoro_mode TEXT,
  pulse_rate_per_s REAL,
  number_of_pulses INTEGER,
  number_of_frames INTEGER,
  irradiation_duration_s REAL,
  average_xray_tube_current_mA REAL,
  exposure_time_ms REAL,
  focal_spot_size_mm REAL,
  anode_target_material TEXT,
  xray_grid TEXT,
  collimated_field_area_m2 REAL,
  collimated_field_height_mm REAL,
  collimated_field_width_mm REAL,
  field_size_mm REAL,
  exposure_index REAL,
  target_exposure_index REAL,
  deviation_index REAL,
  positioner_primary_angle_deg REAL,
  positioner_secondary_angle_deg REAL,
  positioner_primary_end_angle_deg REAL,
  positioner_secondary_end_angle_deg REAL,
  column_angulation_deg REAL,
  table_head_tilt_angle_deg REAL,
  table_horizontal_rotation_angle_deg REAL,
  table_cradle_tilt_angle_deg REAL,
  compression_thickness_mm REAL,
  compression_force_N REAL,
  compression_pressure_kPa REAL,
  compression_contact_area_mm2 REAL,
  distance_source_to_isocenter_mm REAL,
  distance_source_to_reference_point_mm REAL,
  distance_source_to_detector_mm REAL,
  distance_source_to_table_plane_mm REAL,
  table_longitudinal_position_mm REAL,
  table_lateral_position_mm REAL,
  table_height_position_mm REAL,
  table_longitudinal_end_position_mm REAL,
  table_lateral_end_position_mm REAL,
  table_height_end_position_mm REAL,
  crdr_mechanical_configuration TEXT,
  ct_acquisition_type TEXT,
  procedure_context TEXT,
  exposure_time_s REAL,
  scanning_length_mm REAL,
  length_of_reconstructable_volume_mm REAL,
  exposed_range_mm REAL,
  top_z_location_of_reconstructable_volume_mm REAL,
  bottom_z_location_of_reconstructable_volume_mm REAL,
  top_z_location_of_scanning_length_mm REAL,
  bottom_z_location_of_scanning_length_mm REAL,
  nominal_single_collimation_width_mm REAL,
  nominal_total_collimation_width_mm REAL,
  pitch_factor REAL,
  number_of_xray_sources INTEGER,
  mean_ctdivol_mGy REAL,
  ctdiw_phantom_type TEXT,
  ctdifreeair_calculation_factor REAL,
  mean_ctdifreeair_mGy REAL,
  dlp_mGycm REAL,
  effective_dose_mSv REAL,
  effective_dose_method TEXT,
  xray_modulation_type TEXT,
  reconstruction_algorithm TEXT,
  convolution_kernel TEXT,
  size_specific_dose_estimation_mGy REAL,
  size_specific_dose_estimation_method TEXT,
  water_equivalent_diameter_mm REAL,
  frame_of_reference_uid TEXT,
  dlp_alert_value_configured TEXT,
  ctdivol_alert_value_configured TEXT,
  dlp_alert_value_mGycm REAL,
  ctdivol_alert_value_mGy REAL,
  accumulated_dlp_forward_estimate_mGycm REAL,
  accumulated_ctdivol_forward_estimate_mGy REAL,
  alert_reason_for_proceeding TEXT,
  alert_person TEXT,
  dlp_notification_value_configured TEXT,
  ctdivol_notification_value_configured TEXT,
  dlp_notification_value_mGycm REAL,
  ctdivol_notification_value_mGy REAL,
  dlp_forward_estimate_mGycm REAL,
  ctdivol_forward_estimate_mGy REAL,
  notification_reason_for_proceeding TEXT,
  notification_person TEXT,
  radiopharmaceutical_agent TEXT,
  radionuclide TEXT,
  radionuclide_half_life_s REAL,
  radiopharmaceutical_specific_activity_Bq_per_mol REAL,
  estimated_extravasation_activity_MBq REAL,
  radiopharmaceutical_stop_datetime TEXT,
  administered_activity_MBq REAL,
  radiopharmaceutical_volume_cm3 REAL,
  pre_administration_measured_activity_MBq REAL,
  post_administration_measured_activity_MBq REAL,
  route_of_administration TEXT,
  site_of TEXT,
  brand_name TEXT,
  radiopharmaceutical_dispense_unit_identifier TEXT,
  prescription_identifier TEXT,
  radiopharmaceutical_agent_string TEXT,
  radiological_thickness_mm REAL,
  distance_source_to_entrance_surface_mm REAL,
  percent_fibroglandular_tissue REAL,
  relative_xray_exposure REAL,
  sensitivity REAL,
  exposure_control_mode TEXT,
  magnification_factor REAL,
  PRIMARY KEY (SOPInstanceUID, event)
);
INSERT INTO "dose_event" VALUES('2.25.218225946668549250714733362245446789417',1,'2.25.75470520340590249561354836626595003256','CT','2.25.91444467571120559414097662814062201787',NULL,'2.25.91444467571120559414097662814062201787',NULL,NULL,NULL,'Topogram',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'Chest',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'Constant Angle Acquisition',NULL,3.0,66.0,NULL,NULL,NULL,NULL,NULL,NULL,0.6,19.2,0.8,1,0.14,'IEC Body Dosimetry Phantom',NULL,NULL,0.92,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_event" VALUES('2.25.218225946668549250714733362245446789417',2,'2.25.75470520340590249561354836626595003256','CT','2.25.73927240881449674400979661385414444243',NULL,'2.25.73927240881449674400979661385414444243',NULL,NULL,NULL,'Thorax RT',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'Chest',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'Spiral Acquisition',NULL,6.0,6.0,NULL,NULL,NULL,NULL,NULL,NULL,0.6,19.2,0.8,1,9.5,'IEC Body Dosimetry Phantom',NULL,NULL,5.7,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_event" VALUES('2.25.148967981790754781956097141652626287643',1,'2.25.75470520340590249561354836626595003256','CT','acquisition 1',NULL,NULL,'1','20240115090000',NULL,'Thorax RT','ProtocolName',NULL,NULL,NULL,NULL,NULL,NULL,'HFS',NULL,'CHEST',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,9.5,'IEC Body Dosimetry Phantom',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'B30',NULL,NULL,NULL,'2.25.227304230339075676669510999113062303713',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE dose_event_filter (
  SOPInstanceUID TEXT,
  event INTEGER,
  filter INTEGER,
  xray_filter_type TEXT,
  xray_filter_material TEXT,
  xray_filter_thickness_minimum_mm REAL,
  xray_filter_thickness_maximum_mm REAL,
  PRIMARY KEY (SOPInstanceUID, event, filter)
);
CREATE TABLE dose_event_source (
  SOPInstanceUID TEXT,
  event INTEGER,
  source INTEGER,
  identification_of_the_xray_source TEXT,
  kvp REAL,
  xray_tube_current_mA REAL,
  maximum_xray_tube_current_mA REAL,
  exposure_uAs REAL,
  pulse_width_ms REAL,
  exposure_time_per_rotation_s REAL,
  xray_filter_aluminum_equivalent_mm REAL,
  PRIMARY KEY (SOPInstanceUID, event, source)
);
INSERT INTO "dose_event_source" VALUES('2.25.218225946668549250714733362245446789417',1,1,'A',120.0,35.0,35.0,NULL,NULL,0.5,NULL);
INSERT INTO "dose_event_source" VALUES('2.25.218225946668549250714733362245446789417',2,1,'A',120.0,200.0,200.0,NULL,NULL,0.5,NULL);
INSERT INTO "dose_event_source" VALUES('2.25.148967981790754781956097141652626287643',1,1,NULL,120.0,NULL,NULL,NULL,NULL,0.5,NULL);
CREATE TABLE dose_examination (
  StudyInstanceUID TEXT, quantity TEXT, scanner TEXT, protocol TEXT, part TEXT, value REAL, age_years REAL);
INSERT INTO "dose_examination" VALUES('2.25.75470520340590249561354836626595003256','ctdivol','pyconquest_rt Demo generator DEMOCT','Thorax RT','32 cm',9.5,66.0);
INSERT INTO "dose_examination" VALUES('2.25.75470520340590249561354836626595003256','dlp','pyconquest_rt Demo generator DEMOCT','Thorax RT','',6.62,66.0);
CREATE TABLE dose_item (
  SOPInstanceUID TEXT,
  item INTEGER,
  parent INTEGER,
  event INTEGER,
  relationship TEXT,
  value_type TEXT,
  concept TEXT,
  concept_meaning TEXT,
  value_num REAL,
  unit TEXT,
  value_code TEXT,
  value_meaning TEXT,
  value_text TEXT,
  PRIMARY KEY (SOPInstanceUID, item)
);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',1,NULL,NULL,NULL,'CONTAINER','113701^DCM','X-Ray Radiation Dose Report',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',2,1,NULL,'HAS CONCEPT MOD','CODE','121058^DCM','Procedure reported',NULL,NULL,'77477000^SCT','Computed Tomography X-Ray',NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',3,2,NULL,'HAS CONCEPT MOD','CODE','363703001^SCT','Has Intent',NULL,NULL,'261004008^SCT','Diagnostic Intent',NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',4,1,NULL,'HAS OBS CONTEXT','CODE','121005^DCM','Observer Type',NULL,NULL,'121007^DCM','Device',NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',5,1,NULL,'HAS OBS CONTEXT','UIDREF','121012^DCM','Device Observer UID',NULL,NULL,NULL,NULL,'2.25.122227172121150386727157423320065707096');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',6,1,NULL,'HAS OBS CONTEXT','TEXT','121013^DCM','Device Observer Name',NULL,NULL,NULL,NULL,'DEMOCT');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',7,1,NULL,'HAS OBS CONTEXT','DATETIME','113809^DCM','Start of X-Ray Irradiation',NULL,NULL,NULL,NULL,'20240115090000');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',8,1,NULL,'HAS OBS CONTEXT','DATETIME','113810^DCM','End of X-Ray Irradiation',NULL,NULL,NULL,NULL,'20240115090100');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',9,1,NULL,'HAS OBS CONTEXT','CODE','113705^DCM','Scope of Accumulation',NULL,NULL,'113014^DCM','Study',NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',10,9,NULL,'HAS PROPERTIES','UIDREF','110180^DCM','Study Instance UID',NULL,NULL,NULL,NULL,'2.25.75470520340590249561354836626595003256');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',11,1,NULL,'CONTAINS','CONTAINER','113811^DCM','CT Accumulated Dose Data',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',12,11,NULL,'CONTAINS','NUM','113812^DCM','Total Number of Irradiation Events',2.0,'{events}',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',13,11,NULL,'CONTAINS','NUM','113813^DCM','CT Dose Length Product Total',6.62,'mGy.cm',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',14,1,1,'CONTAINS','CONTAINER','113819^DCM','CT Acquisition',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',15,14,1,'CONTAINS','TEXT','125203^DCM','Acquisition Protocol',NULL,NULL,NULL,NULL,'Topogram');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',16,14,1,'CONTAINS','CODE','123014^DCM','Target Region',NULL,NULL,'51185008^SCT','Chest',NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',17,14,1,'CONTAINS','CODE','113820^DCM','CT Acquisition Type',NULL,NULL,'113805^DCM','Constant Angle Acquisition',NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',18,14,1,'CONTAINS','UIDREF','113769^DCM','Irradiation Event UID',NULL,NULL,NULL,NULL,'2.25.91444467571120559414097662814062201787');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',19,14,1,'CONTAINS','CONTAINER','113822^DCM','CT Acquisition Parameters',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',20,19,1,'CONTAINS','NUM','113824^DCM','Exposure Time',3.0,'s',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',21,19,1,'CONTAINS','NUM','113825^DCM','Scanning Length',66.0,'mm',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',22,19,1,'CONTAINS','NUM','113826^DCM','Nominal Single Collimation Width',0.6,'mm',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',23,19,1,'CONTAINS','NUM','113827^DCM','Nominal Total Collimation Width',19.2,'mm',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',24,19,1,'CONTAINS','NUM','113828^DCM','Pitch Factor',0.8,'{ratio}',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',25,19,1,'CONTAINS','NUM','113823^DCM','Number of X-Ray Sources',1.0,'{X-Ray sources}',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',26,19,1,'CONTAINS','CONTAINER','113831^DCM','CT X-Ray Source Parameters',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',27,26,1,'CONTAINS','TEXT','113832^DCM','Identification of the X-Ray Source',NULL,NULL,NULL,NULL,'A');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',28,26,1,'CONTAINS','NUM','113733^DCM','KVP',120.0,'kV',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',29,26,1,'CONTAINS','NUM','113833^DCM','Maximum X-Ray Tube Current',35.0,'mA',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',30,26,1,'CONTAINS','NUM','113734^DCM','X-Ray Tube Current',35.0,'mA',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',31,26,1,'CONTAINS','NUM','113834^DCM','Exposure Time per Rotation',0.5,'s',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',32,14,1,'CONTAINS','CONTAINER','113829^DCM','CT Dose',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',33,32,1,'CONTAINS','NUM','113830^DCM','Mean CTDIvol',0.14,'mGy',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',34,32,1,'CONTAINS','CODE','113835^DCM','CTDIw Phantom Type',NULL,NULL,'113691^DCM','IEC Body Dosimetry Phantom',NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',35,32,1,'CONTAINS','NUM','113838^DCM','DLP',0.92,'mGy.cm',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',36,1,2,'CONTAINS','CONTAINER','113819^DCM','CT Acquisition',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',37,36,2,'CONTAINS','TEXT','125203^DCM','Acquisition Protocol',NULL,NULL,NULL,NULL,'Thorax RT');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',38,36,2,'CONTAINS','CODE','123014^DCM','Target Region',NULL,NULL,'51185008^SCT','Chest',NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',39,36,2,'CONTAINS','CODE','113820^DCM','CT Acquisition Type',NULL,NULL,'116152004^SCT','Spiral Acquisition',NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',40,36,2,'CONTAINS','UIDREF','113769^DCM','Irradiation Event UID',NULL,NULL,NULL,NULL,'2.25.73927240881449674400979661385414444243');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',41,36,2,'CONTAINS','CONTAINER','113822^DCM','CT Acquisition Parameters',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',42,41,2,'CONTAINS','NUM','113824^DCM','Exposure Time',6.0,'s',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',43,41,2,'CONTAINS','NUM','113825^DCM','Scanning Length',6.0,'mm',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',44,41,2,'CONTAINS','NUM','113826^DCM','Nominal Single Collimation Width',0.6,'mm',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',45,41,2,'CONTAINS','NUM','113827^DCM','Nominal Total Collimation Width',19.2,'mm',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',46,41,2,'CONTAINS','NUM','113828^DCM','Pitch Factor',0.8,'{ratio}',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',47,41,2,'CONTAINS','NUM','113823^DCM','Number of X-Ray Sources',1.0,'{X-Ray sources}',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',48,41,2,'CONTAINS','CONTAINER','113831^DCM','CT X-Ray Source Parameters',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',49,48,2,'CONTAINS','TEXT','113832^DCM','Identification of the X-Ray Source',NULL,NULL,NULL,NULL,'A');
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',50,48,2,'CONTAINS','NUM','113733^DCM','KVP',120.0,'kV',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',51,48,2,'CONTAINS','NUM','113833^DCM','Maximum X-Ray Tube Current',200.0,'mA',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',52,48,2,'CONTAINS','NUM','113734^DCM','X-Ray Tube Current',200.0,'mA',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',53,48,2,'CONTAINS','NUM','113834^DCM','Exposure Time per Rotation',0.5,'s',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',54,36,2,'CONTAINS','CONTAINER','113829^DCM','CT Dose',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',55,54,2,'CONTAINS','NUM','113830^DCM','Mean CTDIvol',9.5,'mGy',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',56,54,2,'CONTAINS','CODE','113835^DCM','CTDIw Phantom Type',NULL,NULL,'113691^DCM','IEC Body Dosimetry Phantom',NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',57,54,2,'CONTAINS','NUM','113838^DCM','DLP',5.7,'mGy.cm',NULL,NULL,NULL);
INSERT INTO "dose_item" VALUES('2.25.218225946668549250714733362245446789417',58,1,NULL,'CONTAINS','CODE','113854^DCM','Source of Dose Information',NULL,NULL,'113856^DCM','Automated Data Collection',NULL);
CREATE TABLE dose_object (
  SOPInstanceUID TEXT,
  SOPClassUID TEXT,
  StudyInstanceUID TEXT,
  SeriesInstanceUID TEXT,
  PatientID TEXT,
  TemplateIdentifier TEXT,
  ConceptNameCode TEXT,
  object_kind TEXT,
  modality_type TEXT,
  precedence TEXT,
  StudyDate TEXT,
  StudyTime TEXT,
  ContentDate TEXT,
  ContentTime TEXT,
  TimezoneOffsetFromUTC TEXT,
  Modality TEXT,
  ImageType TEXT,
  DetectorID TEXT,
  source_images TEXT,
  AccessionNumber TEXT,
  StudyDescription TEXT,
  RequestedProcedureDescription TEXT,
  SeriesDescription TEXT,
  ProtocolName TEXT,
  procedure_reported TEXT,
  procedure_reported_meaning TEXT,
  has_intent TEXT,
  scope_of_accumulation TEXT,
  scope_uid TEXT,
  source_of_dose_information TEXT,
  acquisition_device_type TEXT,
  start_of_xray_irradiation TEXT,
  end_of_xray_irradiation TEXT,
  comment TEXT,
  Manufacturer TEXT,
  ManufacturerModelName TEXT,
  StationName TEXT,
  DeviceSerialNumber TEXT,
  SoftwareVersions TEXT,
  InstitutionName TEXT,
  device_observer_uid TEXT,
  device_observer_name TEXT,
  PatientSex TEXT,
  PatientBirthDate TEXT,
  PatientAge TEXT,
  PatientSize_m REAL,
  PatientWeight_kg REAL,
  status TEXT,
  warnings TEXT,
  PRIMARY KEY (SOPInstanceUID)
);
INSERT INTO "dose_object" VALUES('2.25.218225946668549250714733362245446789417','1.2.840.10008.5.1.4.1.1.88.67','2.25.75470520340590249561354836626595003256','2.25.58209672567849732935863552645652426604','DEMO001','10011','113701^DCM','report','CT','3 20240115090500 2.25.218225946668549250714733362245446789417','20240115','090000','20240115','090500',NULL,'SR',NULL,NULL,NULL,NULL,'Radiotherapy of the lung',NULL,'Dose report',NULL,'77477000^SCT','Computed tomography','Diagnostic Intent','Study','2.25.75470520340590249561354836626595003256','Automated Data Collection',NULL,'20240115090000','20240115090100',NULL,'pyconquest_rt','Demo generator',NULL,'1','1','Demo Hospital','2.25.122227172121150386727157423320065707096','DEMOCT','O','19570305','066Y',NULL,72.0,'ok',NULL);
INSERT INTO "dose_object" VALUES('2.25.148967981790754781956097141652626287643','1.2.840.10008.5.1.4.1.1.2','2.25.75470520340590249561354836626595003256','2.25.111731211677440125890136149387618905794','DEMO001',NULL,NULL,'image','CT','1 20240115090001 2.25.148967981790754781956097141652626287643','20240115','090000','20240115','090001',NULL,'CT','ORIGINAL\PRIMARY\AXIAL',NULL,NULL,NULL,'Radiotherapy of the lung',NULL,'Planning CT thorax','Thorax RT',NULL,NULL,NULL,NULL,NULL,'Copied From Image Attributes',NULL,NULL,NULL,NULL,'pyconquest_rt','Demo generator','DEMOCT','1','1','Demo Hospital',NULL,NULL,'O','19570305','066Y',NULL,72.0,'ok',NULL);
CREATE TABLE dose_standard_name (
  name TEXT, scanner TEXT NOT NULL DEFAULT '', standard_name TEXT NOT NULL, PRIMARY KEY (name, scanner));
CREATE TABLE dose_superseded (
  SOPInstanceUID TEXT PRIMARY KEY, StudyInstanceUID TEXT, superseded_by TEXT, why TEXT);
INSERT INTO "dose_superseded" VALUES('2.25.148967981790754781956097141652626287643','2.25.75470520340590249561354836626595003256','2.25.218225946668549250714733362245446789417','images beside a report of the device');
CREATE TABLE dose_total (StudyInstanceUID TEXT PRIMARY KEY, ct_events INTEGER, projection_events INTEGER, administrations INTEGER, total_dlp_mGycm REAL, summed_dlp_mGycm REAL, reported_dlp_mGycm REAL, total_dap_Gym2 REAL, summed_dap_Gym2 REAL, reported_dap_Gym2 REAL, total_dose_rp_Gy REAL, summed_dose_rp_Gy REAL, reported_dose_rp_Gy REAL, total_fluoro_time_s REAL, summed_fluoro_time_s REAL, reported_fluoro_time_s REAL, total_agd_left_mGy REAL, summed_agd_left_mGy REAL, reported_agd_left_mGy REAL, total_agd_right_mGy REAL, summed_agd_right_mGy REAL, reported_agd_right_mGy REAL, total_agd_unknown_side_mGy REAL, summed_agd_unknown_side_mGy REAL, reported_agd_unknown_side_mGy REAL, max_ctdivol_mGy REAL, total_administered_activity_MBq REAL, total_effective_dose_mSv REAL, reasons TEXT);
INSERT INTO "dose_total" VALUES('2.25.75470520340590249561354836626595003256',2,0,0,6.62,6.62,6.62,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,9.5,NULL,NULL,NULL);
CREATE TABLE dose_uncounted (StudyInstanceUID TEXT PRIMARY KEY);
CREATE TABLE due_classes(
            sop_class TEXT NOT NULL, extractor TEXT NOT NULL, version INTEGER NOT NULL,
            alike TEXT NOT NULL, tables TEXT NOT NULL, gathers INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(sop_class, extractor)
        ) WITHOUT ROWID;
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.1','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.1.1','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.1.1.1','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.1.2','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.1.2.1','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.1.3','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.1.3.1','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.12.1','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.12.1','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.12.1.1','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.12.1.1','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.12.2','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.12.2','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.12.2.1','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.12.2.1','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.12.3','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.128','dose_nuclear',5,'["SeriesInst"]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.128','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.128.1','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.13.1.1','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.13.1.2','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.13.1.3','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.13.1.3','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.13.1.4','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.13.1.5','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.130','dose_nuclear',5,'["SeriesInst"]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.130','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.2','dose_ct_image',5,'["SeriesInst", "AcqNumber", "CTDIvol"]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.2','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.2.1','dose_ct_image',5,'["SeriesInst", "AcqNumber", "CTDIvol"]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.2.1','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.2.2','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.20','dose_nuclear',5,'["SeriesInst"]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.20','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.3.1','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.30','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.4','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.4.1','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.4.3','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.4.4','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.481.2','dose',2,'[]','["rt_dose"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.481.2','dvh',6268754,'[]','["dvh", "dvh_metrics"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.481.2','goals',1000000,'[]','["rt_goal_result"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.481.2','isodose',1,'[]','["rt_isodose"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.481.2','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.481.3','relation',1418632,'[]','["rt_relation", "rt_sts"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.481.3','structure_set',4,'[]','["rt_structure_set", "rt_roi"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.481.5','plan',2,'[]','["rt_plan", "rt_fraction_group", "rt_beam"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.481.8','plan',2,'[]','["rt_plan", "rt_fraction_group", "rt_beam"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.6.1','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.66.4','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.66.7','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.7','dose_page',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.7','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.7.1','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.7.2','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.7.3','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.7.4','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.77.1.5.4','volume_verdict',3,'["SeriesInst"]','["volume_verdict"]',1);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.88.11','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.88.22','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.88.33','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.88.34','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.88.67','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.88.68','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.88.73','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
INSERT INTO "due_classes" VALUES('1.2.840.10008.5.1.4.1.1.88.76','dose_report',5,'[]','["dose_object", "dose_accumulated", "dose_event", "dose_event_source", "dose_event_filter", "dose_item"]',0);
CREATE TABLE dvh (
  SOPInstanceUID TEXT NOT NULL,
  structure_set_uid TEXT NOT NULL,
  roi_number INTEGER NOT NULL,
  source TEXT NOT NULL,
  end_cap TEXT NOT NULL,
  roi_name TEXT,
  roi_type TEXT,
  volume_cc REAL,
  uncovered_cc REAL,
  min_gy REAL,
  mean_gy REAL,
  max_gy REAL,
  plan_uid TEXT,
  plan_link TEXT,
  structure_set_link TEXT,
  summation_type TEXT,
  prescription_gy REAL,
  fractions INTEGER,
  is_target INTEGER,
  alpha_beta_gy REAL,
  alpha_beta_method TEXT,
  curve_gy BLOB,
  curve_cc BLOB,
  status TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (SOPInstanceUID, structure_set_uid, roi_number, source, end_cap)
);
INSERT INTO "dvh" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','BODY','EXTERNAL',2.59323117333960112768e+02,0.0,0.0,7.32239143205216791443e+00,61.7987174987793,'2.25.224561161307092584067099858050669299959','reference','reference','PLAN',60.0,30,0,3.0,'type EXTERNAL',X'00000000866FF03CA4E2FF3CA9870B3D2BE91C3D1039303D2880443D1892503D61D0653D18BF753D4599893DC7FA9A3DA61EB33DC1FBC43DB00DD13D2517EC3DB866F13DAB0EFB3DB7AA003E4D90033EAFB3063EAA520A3E722F0E3EC4641D3E531E253ED64A353E99C63C3E8C6E463E0ED0573E9D895F3E29AD693EB866713EE09B793EB7AA803E7F87843EDFDF883E3841933E65D7973EC52F9C3E24BDA13E56B4A23E88ABA33EBAA2A43E531EA53E4F88A73EB376A93E1765AB3E7B53AD3E4230B13EA61EB33E0A0DB53E35D8BA3E2DE1C03EBC9AC83E1892D03EA74BD83E3605E03EC5BEE73E4AB6F63E1B99023FDE140A3FA090113F686D153F630C193F2BE91C3F2688203FED64243FB0E02B3FAE152D3FE00C2E3FD57F363FC9F23E3F91CF423F534B4A3FB7394C3F1B284E3F7F16503FE204523FAAE1553F0ED0573F71BE593F6D5D5D3F0243603FCBEA623FFDE1633F639B643FFA4B663FF7B5683F54786F3FEB28713FB4D0733F18BF753F79177A3F10C87B3F72EB7E3F1E2F803F9CFE813FB17E853F482F873F7A26883FAC1D893F3E6D8E3F70648F3FBC3C903F6F99903F0715913F6DCE913F9FC5923F9A64963F3115983F630C993FFABC9A3F60769B3F926D9C3F5B159F3FF4909F3F8D0CA03F8976A23F22F2A23F0746A43F834AA73FB541A83F4CF2A93FCB8CAA3F633DAC3FAE15AD3FE00CAE3F44FBAF3FA9B4B03FDBABB13F0DA3B23F3F9AB33FD64AB53F3A39B73F05ACB83F9E27B93FD01EBA3F0216BB3F3077BE3F929AC13F2B16C23F77EEC23FC3C6C33F7458C53F8AA3C73FEE91C93F5280CB3F1CF3CC3F4EEACD3F80E1CE3FE69ACF3F3173D03F16C7D13F7AB5D33F1331D43FDDA3D53F4192D73F71BED93F3C31DB3F6E28DC3FD216DE3F040EDF3F9BBEE03FFFACE23F9592E53F2E0EE63FF880E73F2A78E83F5C6FE93FC05DEB3F570EED3F2281EE3F6E59EF3FEDF3EF3F51E2F13F83D9F23F4D4CF43F7F43F53FB13AF63F7CADF73F1529F83F4720F93FE09BF93F0EFDFC3F0B67FF3FB7AA0040502601404F5B02409A33034000ED0340B2490440180305407DBC0540AFB30640AEE807404599094077900A4043CE0A4075C50B40A7BC0C4040380D40A5F10D403E6D0E40EFFE0F40A25B10403BD71040390C1240CFF11440686D1540CD261640CC5B174065D717407DED1840304A1940AD191B4011081D405CE01D400E721F40BF0321400ADC214089762240EF2F2340D383244051532640834A2740E803284034DC2840B3762940FF4E2A4098CA2A4017652B4014CF2D40AD4A2E4012042F405EDC2F401039304042303140F58C3140597B3340F2F633403DCF3440ED9537401F8D38406A65394035D83A4026B73C404C233D40CBBD3D40E3D33E40E1084040F91E4140AAB04240C3C64340F4BD44408C6E4640BE654740BC9A48405516494006A84A409F234B40389F4B4084774C4068CB4D40B4A34E4098F74F40CAEE5040FCE55140ACAC5440C4C255408F355740738958400C055940BD965A40A2EA5B40D4E15C40ECF75D406B925E40040E5F40343A614066316240FFAC624098286340CA1F6440FC1665402E0E664091FC6740C3F36840F5EA6940BDC76D40EEBE6E4020B66F4052AD7040EB28714084A471401D207240B69B72404F177340B4D0734018BF7540E09B7940438A7B40A7787D400B677F40B7AA804050268140E9A18140821D82401B9982404D9083407F87844018038540E3758640156D8740AEE8874046648840DFDF8840785B894011D78940AA528A4043CE8A40DC498B400E418C4040388D40D61D90406B0393409DFA9340CFF1944001E9954033E0964065D7974097CE9840C8C59940FABC9A402CB49B405EAB9C4090A29D40C2999E40F4909F40587FA1408976A2405153A640B541A8401930AA407C1EAC40AE15AD40E00CAE401204AF4044FBAF4076F2B040A8E9B140DAE0B2400BD8B3406FC6B540D3B4B74037A3B9409A91BB40CC88BC40FE7FBD403077BE40626EBF40C65CC1402A4BC3408D39C540F127C7405516C940B904CB401CF3CC4080E1CE40B2D8CF40E4CFD04016C7D14048BED2407AB5D340ACACD440DDA3D5400C05D94070F3DA4037D0DE40FFACE2408E66EA401D20F2404AB6F640D96FFE40821D0241B4140341E60B0441180305414AFA0541AEE80741DFDF084111D7094143CE0A4175C50B41A7BC0C41D9B30D413DA20F41A0901141D2871241047F134136761441686D1541CC5B1741FE52184161411A41C52F1C41F0FA2141B8D72541EACE26411CC6274180B42941B1AB2A41E3A22B4147912D41AB7F2F410F6E3141D64A35413A3937419E27394102163B4165043D412DE14041F4BD444158AC4641BC9A484120894A4184774C41E7654E414B545041AF42524113315441761F5641DA0D5841A2EA5B4105D95D4169C75F41CDB5614131A4634195926541F88067415C6F6941C05D6B41244C6D41873A6F41EB2871417F43754115297841A4E27F41B6DF81411ACE8341E1AA874145998941A9878B4170648F41D4529141384193419B2F9541FF1D974131159841630C9941C7FA9A412BE99C41BF03A141EF2FA341531EA541B60CA7411AFBA8417EE9AA41E2D7AC4145C6AE41D57FB6416439BE41C727C0412B16C2412880C4418C6EC641BC9AC8414B54D041AF42D241761FD641DA0DD8413EFCD94105D9DD4199F3E141F089ED411B55F3417F43F5417CADF741E09BF941438AFB41A778FD410B67FF41B7AA0042E9A101424D9003427A260842DE140A42100C0B4242030C4273FA0C42A5F10D4209E00F42D1BC134234AB1542FC87194260761B4290A21D42BB6D23421F5C2542834A27424A272B42AE152D4276F23042DAE032426FC63542A1BD3642D3B4374205AC384237A33942699A3A429A913B42CC883C42FE7F3D42626E3F42946540428D394542F1274742231F4842870D4A424EEA4D4280E14E42B2D84F42E4CF504216C75142DDA355420F9B56424192574273895842A5805942D7775A42096F5B426D5D5D429E545E42D04B5F42663162429828634295926542C68966425F056742F880674291FC67422A786842C05D6B42F2546C42244C6D42BDC76D4256436E42EEBE6E4220B66F42B93170421FEB70421D207242EA5D7242B69B72429BEF73424D4C74421A8A74426562754232A07542FEDD7542CB1B7642975976425A7C7642A3C8764216D8764289E77642920277424C0A7742E2157742BF1977429C1D77425525774244277742322977420F2D7742FD2E7742EC307742E3317742',NULL,'ok',NULL);
INSERT INTO "dvh" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','Lung_L','ORGAN',4.29105451176000372024e+01,0.0,5.00053107738494873046e-01,9.3919788009590521316e-01,1.75074589252471923828e+00,'2.25.224561161307092584067099858050669299959','reference','reference','PLAN',60.0,30,0,3.0,'type ORGAN',X'7B03003FC12C003F1C43003FDD85003FCADC003F873B013FCF73013F61F3013F9EBE023FFB87033FC3C2033F5E83043FB733053F560D063FEBA0063F19E6073FB083083FD487093FED360A3FFC9F0A3F2F080C3F61660D3F6FCA0D3F8B8D0E3FD286103F3434133F5106143F6AB0143FF37A183F6AC31B3F76131C3F9C211D3FFED31F3F4CFA213F7C4E233F8CBC233FC54C253FDDF6253F5021293F91ED2A3FBB192C3FE9592D3FFEEF2D3F11722E3F304E2F3F4E20303F60A2303FB80E333FDD12343F138F353F292F363F46F7363F9E63393FB5033A3FD9023B3F3AB03D3F75543F3F81A43F3FABD0403F0651433F2B55443F6A0D463F9D75473FC48D483FDE41493F086E4A3F47264C3F912E4E3FE99A503F19EF513F3BDF523F9973553FACFF553F17EE583F35C0593F56AB5A3FDC5C5E3F0CB15F3F203D603F5CE1613FA8FD633FE7B5653F5BEA683F9AA26A3FB0426B3F55CB6F3F851F713F9FD3713FB573723FCC13733F5AFC763FA718793FCB1C7A3F21757C3F51C97D3F76CD7E3FFC32813F202D823F35C3823F463B833F5DDB833F9B93853FD94B873FE59B873FF613883F2040893F297C893F6D5C8B3F7DCA8B3FA3D88C3FCBF08D3FEACC8E3F0CBD8F3F1D35903F5BED913F6C65923F9DB9933FAB1D943FC2BD943F257A973F55CE983F6C6E993F820E9A3FA5FE9A3FCC169C3FFF7E9D3F32E79E3F6027A03F77C7A03FB475A23FD147A33FFF87A43F1528A53F29B4A53F4EB8A63F95ACA83FD678AA3FE2C8AA3FED18AB3F0F09AC3F31F9AC3F5911AE3F7B01AF3FBCCDB03F0F12B33F47A2B43F6FBAB53FAD72B73FF466B93F3B5BBB3F699BBC3F9C03BE3FEB33C03F408CC23F7F44C43FEB3CC73F4095C93F95EDCB3FD3A5CD3F0922CF3F1786CF3F4AEED03F618ED13F7E56D23FD3AED43FE94ED53F501FD83F5B6FD83FB0C7DA3FBB17DB3FE957DC3FFFF7DC3F1698DD3F3888DE3F44D8DE3F4F28DF3F66C8DF3F6BF0DF3F7118E03F',NULL,'ok',NULL);
INSERT INTO "dvh" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','Lung_R','ORGAN',4.29105451176000087789e+01,0.0,3.02988886833190917968e+00,3.14479897973286277586e+01,61.7987174987793,'2.25.224561161307092584067099858050669299959','reference','reference','PLAN',60.0,30,0,3.0,'type ORGAN',X'B3E941406903424044104240A2224240FF344240BA5942405FAC4240E92143405A604340ABB64340C65244406FB044409B13454031044640F63E4640BB79464089894740894848404E834840C9D7484026A94940205D4A40AAD24A406F0D4B401BD04B40FD0B4D40CB1B4E40CBDA4E40B62C504040A2504022DE5140DC80534034065540510756408C4A57403302584046ED5840D062594059D8594014BC5A4080AE5B4093995C40F5755D407FEB5D4009615E4092D65E401C4C5F40560D62407CA264408F8D6540A3786640C94E6840DC39694066AF694003106B402AE66C4050BC6E40779270408A7D71409D687240B15373403AC97340C43E7440AF0E7740C2F97740D5E47840E9CF7940FCBA7A4049677E4041948040CB098140557F8140DEF48140F2DF824005CB834018B684403F8C8640527787406562884002C389408C388A4016AE8A409F238B4029998B40B20E8C40C6F98C40D9E48D40ECCF8E4089EF90409CDA9140D69B9440E98695404B6396405F4E9740FBEB9A400ED79B4021C29C4034AD9D4048989E405B839F406E6EA0408259A1409544A240A82FA340BB1AA440E2F0A54009C7A7405673AB40A31FAF40C9F5B040DDE0B140F0CBB24003B7B34016A2B4403D78B640644EB8408A24BA40B1FABB40D7D0BD40FEA6BF40247DC1403868C2404B53C3405E3EC4407129C54098FFC64021F3C8409575CE40BB4BD040CF36D140F50CD3406B15D440A558D5401ADFD740CB2ADA40F100DC4018D7DD4003E8DF40637FE440B12BE840FED7EB40715AF1409830F340E5DCF640F7C3FA404470FE406FE4024196BA0441A9A50541BC900641E3660841F6510941093D0A417F450B41F54D0C4108390D41E0DC0F411A2011412D0B124141F61241B6FE1341CAE91441DDD41541F0BF164166C8174179B318418C9E1941B3741B41D94A1D414DCD22411104264137DA27415EB0294184862B4198712C41BE472E41D1322F41E51D3041F80831411FDF324145B53441926138417E723A4169833C41B62F404103DC4341508847419E344B41C40A4D41EBE04E4111B75041388D52415E63544185395641AB0F584197205A41A9075E41F6B361411C8A6341436065416A366741900C6941B7E26A41DDB86C41048F6E412A657041513B724178117441632276414E33784110667E412E878241CA658541F13B87411712894165BE8C41C6D78F41ECAD914113849341395A95414D459641731B9841860699419AF19941ADDC9A41D4B29C41E79D9D41452DA8416B03AA4192D9AB41B8AFAD41DF85AF4179DEB6411337BE4160E3C1414CF4C34199A0C74184B1C9419698CD41E344D141F52BD5411C02D7419084DC412BE1E041C73DE541E907F04136B4F3418460F741AA36F941D10CFB41F7E2FC411EB9FE41A2470042B532014204E3014217CE02423EA40442647A064228B109424E870B4262720C42755D0D4288480E429B330F42AF1E1042C20911420FB6144222A11542368C16425C62184296231B42A90E1C42D0E41D42F7BA1F421D9121426A3D254291132742B7E92842DEBF2A4204962C422B6C2E42781832429FEE3342C5C43542EC9A3742FF85384212713942265C3A4239473B424C323C42601D3D4273083E4286F33E42ADC94042C0B44142D39F42420D614542204C4642472248426DF84942CF934B42441A4E42F5E74E42A6B54F42B9A05042CC8B514269EC524290C25442B7985642CA835742DD6E5842F059594204455A4265E05B4202415D429FA15E42B38C5F42C677604276C36242B084654239FA6542268D6642AF0267429B956742EA45684238F66842AD7C6B4237F26B424ADD6C42D4526D425DC86D4222036E42E73D6E42AC786E4271B36E42BF636F42E6BB6F42BF227042845D7042A19F704270F070420D927142481672425B427242BE5F7242839A7242E5B772427D4E7342E06B734207C4734269E17342780274428C2E7442A97074420C8E74426EAB7442D0C8744233E6744250287542B34575426E6A7542D0877542DA9D75423CBB7542F7DF75425AFD754210177642C125764272347642D551764286607642376F764290767642E87D7642568476420288764264A5764216B4764212BE76420AC4764234C9764241CE76428DD77642D5DC76424FE1764271E576421DE9764276F0764227FF76420E037742E4047742BA067742670A7742130E7742BF117742961377426C1577424217774218197742EE1A7742C41C77429A1E774271207742472277421D24774208257742F3257742DE267742C9277742B42877429F297742612C7742D62C7742372E7742AC2E7742972F774282307742BD30774233317742A8317742E3317742',NULL,'ok',NULL);
INSERT INTO "dvh" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','SpinalCord','ORGAN',0.677724256320001,0.0,2.20505154132843,2.40980937932757433017e+00,2.62435332934061671394e+00,'2.25.224561161307092584067099858050669299959','reference','reference','PLAN',60.0,30,0,3.0,'type ORGAN',X'901F0D40892C0D40DD3C0D4061580D40066F0D408D870D40EBA00D40F7BB0D400BCF0D40B3FB0D40E3260E4002620E4012790E40098E0E405AC00E4092FD0E4067180F4014340F40C04F0F409E6F0F40A5A80F4083C80F4006E50F40E31E1040143D10406D5A10407C98104028CE1040FDE81040D3031140FA501140236A1140F8841140219E1140F7B81140CDD31140A2EE1140E3161240243F1240FA591240D0741240F88D1240CEA812407ADE1240781213404E2D1340764613404C611340227C13409BC7134037F3134088251440D9571440CDBA144071EB1440EC021540B84C15402993154072C01540EC0B1640C22616403D3E16407D66164019921640E5DB164060F3164056221740974A17401096174039AF1740C3041840562B18403C501840B7671840327F1840CEAA18400ED318405F051940DB1C1940B0371940D14B19403A8D19407BB5194079E91940F4001A4015151A40E15E1A4001731A4032911A4093CD1A40B3E11A406F211B40FA421B403B6B1B4021901B4052AE1B40C3F41B404E161C4024311C4065591C40856D1C4049B21C4027D21C4068FA1C40A9221D40D9401D40F0831D4020A21D40F6BC1D40FDF51D40EB1F1E40646B1E403A861E40C5A71E4051C91E401EDF1E4047F81E40A8341F40F9661F4084881F40CBE91F40FC072040872920404D3A20406D4E2040F96F2040CE8A20400FB3204050DB204036002140B91C21400883214049AB21408AD3214066272240A74F22409D7E2240638F224083A3224049B42240C4CB2240BAFA2240D13D23406C692340F88A234083AC234069D123405F002440552F24409657244021792440F793244018A824400ED7244004062540E0592540318C254007A7254072B425403EFE25400A4826404B702640A2DB264078F62640990A2740B91E2740D9322740AF4D2740856827405B832740319E274007B92740DCD3274047E12740B2EE274068F52740',NULL,'ok',NULL);
INSERT INTO "dvh" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','Heart','ORGAN',1.48029554155200120395e+01,0.0,1.59212994575500488281e+00,2.42099097025172493857e+00,3.37424325942993164062e+00,'2.25.224561161307092584067099858050669299959','reference','reference','PLAN',60.0,30,0,3.0,'type ORGAN',X'EACACB3FB1F8CB3FCEF8CB3F6608CC3FA716CC3F2889CC3F7FE8CC3FD26CCD3F5081CD3FC2AECD3FE948CE3F3CA0CE3F18C2CE3F57F9CE3FD567CF3F2673D03F20C5D03F0D30D13FE1CCD13F8C29D23F2953D33FD08CD43F6F02D53F07CAD53F0E03D63F17C7D63FF74AD73F96C0D73F795AD93F66C5D93FDE85DA3F6F14DB3F9331DC3FE3B1DC3FFF95DD3FF339DE3FC7D6DE3F3F97DF3F2C02E03F9650E03F3C8AE13FB44AE23FDFA0E33F86DAE43F05D4E53FDA86E73F134FE93F7141EA3F187BEB3F26EDEB3F08FCEC3FE2D1ED3FE90AEE3F40C4EE3FB14BEF3F64E1EF3F5B9BF13F27FFF13F7EB8F23F2BA0F33FD364F53FC2E5F63FD157F73F4EC6F73F7058F83F44F5F83F1059F93FEB2EFA3F4921FB3F5793FB3F7AB0FC3F8922FD3F2823FE3FC823FF3F217D0040ACD20040D412014032050240FE680240E49A0240CBCC02402286034030F80340A17F044095230540A39505402EEB054085A406405F7A0740EACF07407B5E0840C4A50840984209409F7B0940A6B40940F6340A4025AE0A409EF90B40B9520C4064AF0C40D5360D40DC6F0D40E3A80D40EAE10D40963E0E40008D0E40911B0F405E7F0F406CF10F403F8E1040ED001240D33212404BF31240522C134026C9134007D81440164A1540DB741540E9E61540322E1640FE9116400C0417409E92174024C518406D0C19409C8519402E141A403C861A40AD0D1B409A781B40F1311C4048EB1C40CD921D400B091F4054501F40AB092040C0B42040C7ED20409B8A2140E3D121408F2E22407C992240A7EF234073532440CA0C2540D87E2540DFB725403DAA264011472740FEB1274005EB27403B9D28405FBA2940F0482A4039902A4089102B4090492B409EBB2B40B3662C40C2D82C40D7832D40480B2E4077842E400F4C2F40A1DA2F40EA213040B68530400606314056863140E8143240726A324079A33240C92333407580334020DD3340368834403DC1344044FA34403FD735406E5036406FDB364023FC37403FE03840D16E39407DCB3940AC443A407FE13A40CF613B403BC63C40082A3D4050713D402B473E4082003F4090723F40293A4040C2014140D0734140EC574240083C43400F7543406D6744403ACB4440CB594540DACB454064214640C94C47407086484077BF4840D5B14940F2954A4083244B4091964B40DADD4B40B5B34C40D8D04D40DF094E4003274F4018D24F406852504034B65040DBEF51402B7052407BF052408229534097D453409E0D5440EE8D5440BBF15440C9635540D09C5540612B564068645640709D5640012C57408548574016D757409AF35740',NULL,'ok',NULL);
INSERT INTO "dvh" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','PTV_6000','PTV',9.31618530229500230177e+00,0.0,6.066951751708984375e+01,6.15241970725287501409e+01,61.7987174987793,'2.25.224561161307092584067099858050669299959','reference','reference','PLAN',60.0,30,1,10.0,'type PTV',X'96AD7242E5BB724268C572424CCE7242BBD67242E8DF7242E5E6724284EE724202F57242E3FE724234087342CD117342671B7342B72473422C2E73429E387342B3497342E55C7342CF6F7342498373427C9673421DA97342BFBB73423ACF73425CF373427F17744290297442A13B74425460744255837442C6A5744247B7744258C9744261D2744269DB744272E474427AED744249FD74423A0E75422B427542AC537542EA627542626B75425F787542678175427893754226A27542F5B1754251CF754220DF75429DFD754212137642F91A7642C02176429B2D7642D13376426A3D764290547642575B7642AE627642A1667642056A7642F86D7642CB7076422E74764292777642377D764294827642548B76428A9176429F967642F69D764259A1764207B0764294BD7642F7C076425BC47642BEC7764221CB764263CD764278D27642AED8764253DE7642B7E176421AE576427DE876429EE97642BFEA7642E0EB764292ED764244EF764265F07642A7F27642E9F47642AFFB764213FF76423400774297037742D9057742EE0A7742300D7742510E7742031077422411774245127742F71377421815774239167742C9167742EA1777420B1977422C1A7742961B7742FF1C7742201E7742411F77420E2477422F25774250267742E12677427127774202287742DA287742B3297742FB2977428C2A7742652B7742F52B7742CE2C77426C2D7742932D7742252E7742702E7742A12E7742C82E7742ED2E7742422F7742942F7742F42F77426330774292307742943077429730774298307742A1307742A2307742A5307742A6307742BB307742EF30774213317742373177425B31774280317742A4317742C8317742D7317742D8317742DA317742DB317742E5317742E6317742E9317742EA317742',NULL,'ok',NULL);
INSERT INTO "dvh" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',7,'pyconquest','','Bolus','BOLUS',0.0,0.0,NULL,NULL,NULL,'2.25.224561161307092584067099858050669299959','reference','reference','PLAN',60.0,30,0,3.0,'type BOLUS',NULL,NULL,'failed','no contours');
CREATE TABLE dvh_metrics (
  SOPInstanceUID TEXT NOT NULL,
  structure_set_uid TEXT NOT NULL,
  roi_number INTEGER NOT NULL,
  source TEXT NOT NULL,
  end_cap TEXT NOT NULL,
  metric TEXT NOT NULL,
  value REAL,
  unit TEXT NOT NULL,
  PRIMARY KEY (SOPInstanceUID, structure_set_uid, roi_number, source, end_cap, metric)
);
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','D98%[Gy]',3.72814350331730492982e-01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','D95%[Gy]',4.57892499132313501863e-01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','D50%[Gy]',2.26538737650226540409e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','D5%[Gy]',58.7132048533515,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','D2%[Gy]',6.16125695063990761477e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','D0.03cc[Gy]',6.17983850285123708073e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','D1cc[Gy]',6.17905312761051845899e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','V5Gy[%]',1.49334676538935315903e+01,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','V10Gy[%]',1.20612238154811599597e+01,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','V20Gy[%]',1.00977023323659480529e+01,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','V30Gy[%]',8.90122876162782361575e+00,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','V40Gy[%]',7.86828898967124601426e+00,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','V50Gy[%]',6.70049997124481500065e+00,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','V60Gy[%]',4.37557920802844524388e+00,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','V95%[%]',5.49889627116670709483e+00,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',1,'pyconquest','half','V107%[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','D98%[Gy]',5.27600877334806761531e-01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','D95%[Gy]',5.52900134794493514078e-01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','D50%[Gy]',8.80249213731902568902e-01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','D5%[Gy]',1.5170934073563955291e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','D2%[Gy]',1.62023787241060035491e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','D0.03cc[Gy]',1.73627315228295819871e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','D1cc[Gy]',1.60676573972071801144e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','V5Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','V10Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','V20Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','V30Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','V40Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','V50Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','V60Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','V95%[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',2,'pyconquest','half','V107%[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','D98%[Gy]',3.19595134115406187547e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','D95%[Gy]',3.32332365865015821881e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','D50%[Gy]',2.7616973366862520578e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','D5%[Gy]',6.17725738370182426723e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','D2%[Gy]',6.17918954382293819085e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','D0.03cc[Gy]',6.17983687504542515949e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','D1cc[Gy]',6.17905271394716493205e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','V5Gy[%]',7.24389636106370318193e+01,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','V10Gy[%]',6.16639440425488487545e+01,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','V20Gy[%]',5.3837093544009505309e+01,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','V30Gy[%]',4.88225234875375306824e+01,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','V40Gy[%]',4.42827091245619115528e+01,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','V50Gy[%]',3.88719741384483370438e+01,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','V60Gy[%]',2.64434623578793441826e+01,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','V95%[%]',32.8995418184346,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',3,'pyconquest','half','V107%[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','D98%[Gy]',2.2273021837143178736e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','D95%[Gy]',2.24489637769997152361e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','D50%[Gy]',2.40816639467609450164e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','D5%[Gy]',2.57975041500388835302e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','D2%[Gy]',2.59921363762703183653e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','D0.03cc[Gy]',2.58318671922412157471e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','D1cc[Gy]',NULL,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','V5Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','V10Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','V20Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','V30Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','V40Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','V50Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','V60Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','V95%[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',4,'pyconquest','half','V107%[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','D98%[Gy]',1.67410650033884378373e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','D95%[Gy]',1.73488627321180177709e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','D50%[Gy]',2.39250696031806242558e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','D5%[Gy]',3.18411309524192809305e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','D2%[Gy]',3.26708015835871945498e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','D0.03cc[Gy]',3.34437297446432824088e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','D1cc[Gy]',3.14384056458656679922e+00,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','V5Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','V10Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','V20Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','V30Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','V40Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','V50Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','V60Gy[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','V95%[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',5,'pyconquest','half','V107%[%]',0.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','D98%[Gy]',6.08101798034725362631e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','D95%[Gy]',6.08883059789097060834e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','D50%[Gy]',61.6551217768579,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','D5%[Gy]',6.17953405514040383667e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','D2%[Gy]',6.17971406983787119315e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','D0.03cc[Gy]',6.17983712051824269923e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','D1cc[Gy]',6.17905889877951608468e+01,'Gy');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','V5Gy[%]',100.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','V10Gy[%]',100.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','V20Gy[%]',100.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','V30Gy[%]',100.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','V40Gy[%]',100.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','V50Gy[%]',100.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','V60Gy[%]',100.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','V95%[%]',100.0,'%');
INSERT INTO "dvh_metrics" VALUES('2.25.328574683218608960936154360626563024457','2.25.147729433595155772241746426629231714369',6,'pyconquest','half','V107%[%]',0.0,'%');
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
CREATE TABLE forward_queue(
            id INTEGER PRIMARY KEY, rule TEXT NOT NULL, sop TEXT NOT NULL, size INTEGER, mtime_ns INTEGER,
            state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0, error TEXT,
            UNIQUE(rule, sop)
        );
INSERT INTO "forward_queue" VALUES(1,'r','1.2.3',NULL,NULL,'queued',0,0.0,NULL);
CREATE TABLE forward_rules(
            name TEXT PRIMARY KEY NOT NULL, aet TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL,
            calling_aet TEXT NOT NULL, condition TEXT,
            attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0, lease REAL, error TEXT
        );
INSERT INTO "forward_rules" VALUES('r','A','h',1,'B',NULL,0,0.0,NULL,NULL);
CREATE TABLE job_runs(
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, started TEXT NOT NULL, seconds REAL,
            state TEXT NOT NULL, result TEXT
        );
INSERT INTO "job_runs" VALUES(1,'backup','x',1.5,'done','{}');
CREATE TABLE my_notes(SOPInstanceUID TEXT, note TEXT);
INSERT INTO "my_notes" VALUES('1.2.3','looked at it');
CREATE TABLE pseudonyms(
            kind TEXT NOT NULL, original TEXT NOT NULL, pseudonym TEXT NOT NULL,
            PRIMARY KEY(kind, original, pseudonym)
        ) WITHOUT ROWID;
INSERT INTO "pseudonyms" VALUES('patient','DEMO001','P123');
CREATE TABLE rejected(
            id INTEGER PRIMARY KEY, path TEXT, SOPInstanceUID TEXT, reason TEXT NOT NULL, time TEXT NOT NULL
        );
INSERT INTO "rejected" VALUES(1,'DEMO001/notes.txt',NULL,'not a DICOM file: no letters DICM at byte 128, no data set at its start','2026-12-01T06:06:24+00:00');
CREATE TABLE roi_name (
  physician TEXT NOT NULL,
  raw_name TEXT NOT NULL,
  cleaned_name TEXT,
  physician_name TEXT,
  institutional_name TEXT,
  tg263_name TEXT,
  method TEXT NOT NULL,
  score REAL,
  detail TEXT,
  PRIMARY KEY (physician, raw_name)
);
INSERT INTO "roi_name" VALUES('DEFAULT','BODY','body',NULL,'by a person','Body','exact',1.0,'TG-263 list');
INSERT INTO "roi_name" VALUES('DEFAULT','Lung_L','lung l',NULL,'Lung_L','Lung_L','exact',1.0,'TG-263 list');
INSERT INTO "roi_name" VALUES('DEFAULT','Lung_R','lung r',NULL,'Lung_R','Lung_R','exact',1.0,'TG-263 list');
INSERT INTO "roi_name" VALUES('DEFAULT','SpinalCord','spinalcord',NULL,'SpinalCord','SpinalCord','exact',1.0,'TG-263 list');
INSERT INTO "roi_name" VALUES('DEFAULT','Heart','heart',NULL,'Heart','Heart','exact',1.0,'TG-263 list');
INSERT INTO "roi_name" VALUES('DEFAULT','PTV_6000','ptv 6000',NULL,'PTV_6000','PTV_6000','rule',1.0,'target or bolus with its number');
INSERT INTO "roi_name" VALUES('DEFAULT','Bolus','bolus',NULL,'Bolus','Bolus','exact',1.0,'TG-263 list');
CREATE TABLE rt_beam (
  SOPInstanceUID TEXT NOT NULL,
  kind TEXT NOT NULL,
  beam_number INTEGER NOT NULL,
  name TEXT,
  description TEXT,
  radiation_type TEXT,
  beam_type TEXT,
  delivery_type TEXT,
  machine TEXT,
  fraction_group_number INTEGER,
  beam_dose_gy REAL,
  mu REAL,
  meterset_unit TEXT,
  energies TEXT,
  energy_min REAL,
  energy_max REAL,
  energy_unit TEXT,
  fluence_mode TEXT,
  control_point_count INTEGER,
  gantry_start_deg REAL,
  gantry_end_deg REAL,
  gantry_range_deg REAL,
  gantry_direction TEXT,
  collimator_start_deg REAL,
  collimator_end_deg REAL,
  collimator_range_deg REAL,
  collimator_direction TEXT,
  couch_start_deg REAL,
  couch_end_deg REAL,
  couch_range_deg REAL,
  couch_direction TEXT,
  isocentre_x_mm REAL,
  isocentre_y_mm REAL,
  isocentre_z_mm REAL,
  ssd_mm REAL,
  sad_mm REAL,
  mu_per_degree REAL,
  mu_per_control_point REAL,
  complexity REAL,
  wedge_count INTEGER,
  block_count INTEGER,
  bolus_count INTEGER,
  applicator TEXT,
  scan_mode TEXT,
  scan_spot_count INTEGER,
  range_shifter TEXT,
  snout TEXT,
  channel_count INTEGER,
  dwell_count INTEGER,
  channel_time_s REAL,
  total_reference_air_kerma_ugy REAL,
  PRIMARY KEY (SOPInstanceUID, kind, beam_number)
);
INSERT INTO "rt_beam" VALUES('2.25.224561161307092584067099858050669299959','external',1,'Arc1_CW',NULL,'PHOTON','DYNAMIC','TREATMENT','DEMO_LINAC',1,1.0,231.4,'MU','6',6.0,6.0,'MV',NULL,13,181.0,179.0,358.0,'CW',30.0,30.0,0.0,NULL,0.0,0.0,0.0,NULL,-66.1672,6.048,2.0547,NULL,1000.0,6.46368715083798894838e-01,1.92833333333333349912e+01,5.15121918504479636702e-01,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "rt_beam" VALUES('2.25.224561161307092584067099858050669299959','external',2,'Arc2_CCW',NULL,'PHOTON','DYNAMIC','TREATMENT','DEMO_LINAC',1,1.0,228.6,'MU','6',6.0,6.0,'MV',NULL,13,179.0,181.0,358.0,'CC',330.0,330.0,0.0,NULL,0.0,0.0,0.0,NULL,-66.1672,6.048,2.0547,NULL,1000.0,6.38547486033519517967e-01,19.05,5.15121918504479636702e-01,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE rt_dose (
  SOPInstanceUID TEXT NOT NULL,
  patient_id TEXT,
  study_instance_uid TEXT,
  series_instance_uid TEXT,
  manufacturer TEXT,
  model TEXT,
  software_version TEXT,
  frame_of_reference_uid TEXT,
  plan_uid TEXT,
  plan_uids TEXT,
  structure_set_uid TEXT,
  fraction_group_number INTEGER,
  beam_numbers TEXT,
  date TEXT,
  time TEXT,
  summation_type TEXT,
  overview_plans INTEGER,
  overview_rx_gy REAL,
  overview_fractions INTEGER,
  overview_is_even INTEGER,
  dose_type TEXT,
  dose_units TEXT,
  comment TEXT,
  heterogeneity_correction TEXT,
  normalisation_x_mm REAL,
  normalisation_y_mm REAL,
  normalisation_z_mm REAL,
  dvh_count INTEGER,
  rows INTEGER,
  columns INTEGER,
  planes INTEGER,
  row_spacing_mm REAL,
  column_spacing_mm REAL,
  plane_spacing_mm REAL,
  is_even_spacing INTEGER,
  origin_x_mm REAL,
  origin_y_mm REAL,
  origin_z_mm REAL,
  orientation TEXT,
  bits INTEGER,
  dose_grid_scaling REAL,
  maximum_gy REAL,
  status TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (SOPInstanceUID)
);
INSERT INTO "rt_dose" VALUES('2.25.328574683218608960936154360626563024457','DEMO001','2.25.75470520340590249561354836626595003256','2.25.339655882056927992102458563466529341001','pyconquest_rt','Demo generator','1','2.25.227304230339075676669510999113062303713','2.25.224561161307092584067099858050669299959','2.25.224561161307092584067099858050669299959',NULL,NULL,NULL,'20240115','110500','PLAN',0,NULL,NULL,0,'PHYSICAL','GY',NULL,'IMAGE',NULL,NULL,NULL,0,68,100,2,3.0,3.0,3.0,1,-148.5,-100.5,-1.5,'1\0\0\0\1\0',32,1.0e-05,61.79872,'ok',NULL);
CREATE TABLE rt_fraction_group (
  SOPInstanceUID TEXT NOT NULL,
  fraction_group_number INTEGER NOT NULL,
  description TEXT,
  fractions_planned INTEGER,
  fractions_per_day INTEGER,
  beam_count INTEGER,
  brachy_setup_count INTEGER,
  mu REAL,
  dose_per_fraction_gy REAL,
  rx_dose_gy REAL,
  rx_dose_per_fraction_gy REAL,
  rx_source TEXT,
  rx_description TEXT,
  rx_structure_type TEXT,
  rx_roi_number INTEGER,
  rx_dose_reference_number INTEGER,
  normalisation TEXT,
  PRIMARY KEY (SOPInstanceUID, fraction_group_number)
);
INSERT INTO "rt_fraction_group" VALUES('2.25.224561161307092584067099858050669299959',1,NULL,30,NULL,2,0,460.0,2.0,60.0,2.0,'group','PTV_6000','VOLUME',6,1,NULL);
CREATE TABLE rt_goal_result (
  SOPInstanceUID TEXT NOT NULL,
  dose_uid TEXT NOT NULL,
  patient_id TEXT,
  structure_set_uid TEXT,
  plan_uid TEXT,
  roi_number INTEGER,
  roi_name TEXT,
  goal_list TEXT,
  goal TEXT,
  priority INTEGER,
  value REAL,
  unit TEXT,
  limit_value REAL,
  variation_value REAL,
  verdict TEXT NOT NULL,
  reason TEXT
);
CREATE TABLE rt_isodose (
  SOPInstanceUID TEXT NOT NULL,
  level_percent REAL NOT NULL,
  of_what TEXT NOT NULL,
  dose_gy REAL,
  volume_cc REAL,
  status TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (SOPInstanceUID, level_percent)
);
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',100.0,'prescription',60.0,5.67338836830082637874e+00,'warning','the isodose reaches the border of the dose grid, where it is cut off');
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',95.0,'prescription',57.0,7.12908386784921166423e+00,'warning','the isodose reaches the border of the dose grid, where it is cut off');
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',90.0,'prescription',54.0,7.95395381465935091824e+00,'warning','the isodose reaches the border of the dose grid, where it is cut off');
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',80.0,'prescription',48.0,9.0502491692121544986e+00,'warning','the isodose reaches the border of the dose grid, where it is cut off');
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',70.0,'prescription',42.0,9.92574451812459734867e+00,'warning','the isodose reaches the border of the dose grid, where it is cut off');
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',60.0,'prescription',36.0,1.07567181684595833954e+01,'warning','the isodose reaches the border of the dose grid, where it is cut off');
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',50.0,'prescription',30.0,1.15411067212222810955e+01,'warning','the isodose reaches the border of the dose grid, where it is cut off');
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',40.0,'prescription',24.0,1.24382768299079398137e+01,'warning','the isodose reaches the border of the dose grid, where it is cut off');
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',30.0,'prescription',18.0,1.34804517984900016356e+01,'warning','the isodose reaches the border of the dose grid, where it is cut off');
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',20.0,'prescription',12.0,1.49743575760693978793e+01,'warning','the isodose reaches the border of the dose grid, where it is cut off');
INSERT INTO "rt_isodose" VALUES('2.25.328574683218608960936154360626563024457',10.0,'prescription',6.0,1.80522762281782966908e+01,'warning','the isodose reaches the border of the dose grid, where it is cut off');
CREATE TABLE rt_plan (
  SOPInstanceUID TEXT NOT NULL,
  patient_id TEXT,
  study_instance_uid TEXT,
  series_instance_uid TEXT,
  manufacturer TEXT,
  model TEXT,
  software_version TEXT,
  frame_of_reference_uid TEXT,
  structure_set_uid TEXT,
  dose_uids TEXT,
  related_plan_uids TEXT,
  label TEXT,
  name TEXT,
  description TEXT,
  date TEXT,
  time TEXT,
  physician TEXT,
  approval_status TEXT,
  review_date TEXT,
  reviewer TEXT,
  intent TEXT,
  geometry TEXT,
  protocols TEXT,
  kinds TEXT,
  radiation_types TEXT,
  brachy_technique TEXT,
  brachy_type TEXT,
  sources TEXT,
  machines TEXT,
  patient_position TEXT,
  fraction_group_count INTEGER,
  fractions_planned INTEGER,
  beam_count INTEGER,
  treatment_beam_count INTEGER,
  mu REAL,
  rx_dose_gy REAL,
  rx_levels_gy TEXT,
  treatment_site TEXT,
  treatment_site_code TEXT,
  treatment_site_key TEXT,
  status TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (SOPInstanceUID)
);
INSERT INTO "rt_plan" VALUES('2.25.224561161307092584067099858050669299959','DEMO001','2.25.75470520340590249561354836626595003256','2.25.38051936843283331731373267039399952140','pyconquest_rt','Demo generator','1','2.25.227304230339075676669510999113062303713','2.25.147729433595155772241746426629231714369',NULL,NULL,'Lung 60 Gy','Lung 60 Gy',NULL,'20240115','110000','Demo^Physician','APPROVED','20240115','Demo^Physicist','CURATIVE','PATIENT',NULL,'external','PHOTON',NULL,NULL,NULL,'DEMO_LINAC','HFS',1,30,2,2,460.0,60.0,'60',NULL,NULL,NULL,'ok',NULL);
CREATE TABLE rt_relation (
  SOPInstanceUID TEXT NOT NULL,
  organ_number INTEGER NOT NULL,
  targets TEXT NOT NULL,
  end_cap TEXT NOT NULL,
  organ_name TEXT,
  target_name TEXT,
  is_union INTEGER,
  target_rule TEXT NOT NULL,
  organ_cc REAL,
  target_cc REAL,
  overlap_cc REAL,
  min_mm REAL,
  p25_mm REAL,
  median_mm REAL,
  mean_mm REAL,
  p75_mm REAL,
  max_mm REAL,
  centroid_mm REAL,
  organ_x_mm REAL,
  organ_y_mm REAL,
  organ_z_mm REAL,
  ovh_first_mm REAL,
  ovh_width_mm REAL,
  ovh TEXT,
  within_0mm REAL,
  within_3mm REAL,
  within_5mm REAL,
  within_10mm REAL,
  within_20mm REAL,
  status TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (SOPInstanceUID, organ_number, targets, end_cap)
);
INSERT INTO "rt_relation" VALUES('2.25.147729433595155772241746426629231714369',1,'6','half','BODY','PTV_6000',1,'name',259.32311733396,9.31618530229499874906e+00,9.31618530229499874906e+00,-3.0,3.63033909870652422564e+01,6.59502817674591597114e+01,7.51331262970161333197e+01,1.13248654234859131401e+02,1.88904077297341586923e+02,6.64429925967535552891e+01,1.32489781684278900729e-17,-8.5575366174087361213e-16,1.68454582235620213713e-16,-3.0,1.0,'[0.0,0.00974,0.02171,0.03586,0.0393,0.04278,0.04641,0.0502,0.0541,0.05816,0.06237,0.06672,0.07121,0.07585,0.08064,0.08557,0.09064,0.09588,0.10124,0.10675,0.11241,0.11822,0.12412,0.13026,0.13656,0.14281,0.14938,0.15618,0.16286,0.1698,0.17704,0.18424,0.19156,0.19917,0.20693,0.21465,0.22262,0.23087,0.23906,0.24741,0.25606,0.26479,0.27353,0.28259,0.29185,0.30101,0.31037,0.32004,0.32979,0.33954,0.34968,0.35991,0.36984,0.3795,0.38896,0.39812,0.40705,0.41612,0.42499,0.43357,0.44202,0.44972,0.45643,0.46296,0.46948,0.47581,0.48198,0.4882,0.49433,0.50031,0.50626,0.51227,0.51812,0.52386,0.52969,0.53554,0.5412,0.5469,0.55263,0.55822,0.5637,0.56932,0.57489,0.58033,0.58587,0.59135,0.5967,0.60208,0.60754,0.6129,0.61814,0.62352,0.62883,0.63402,0.63927,0.64459,0.64973,0.65479,0.65999,0.66516,0.6702,0.67532,0.68044,0.68542,0.69038,0.69544,0.70039,0.70527,0.71024,0.7152,0.72005,0.72491,0.72976,0.73453,0.73927,0.74404,0.74881,0.75353,0.75824,0.76294,0.76754,0.77213,0.77671,0.78126,0.7858,0.79034,0.79486,0.79928,0.80372,0.80812,0.81249,0.81682,0.82114,0.82545,0.82971,0.83395,0.83817,0.84232,0.84646,0.85055,0.85465,0.85869,0.86269,0.86668,0.87065,0.87454,0.87841,0.88226,0.88606,0.8898,0.89356,0.89724,0.9009,0.90452,0.90808,0.91162,0.91511,0.91854,0.92196,0.92531,0.92864,0.93191,0.93513,0.9383,0.94142,0.9445,0.94752,0.95049,0.95341,0.95627,0.95906,0.96181,0.9645,0.96712,0.96967,0.97215,0.97458,0.97693,0.9792,0.9814,0.98351,0.98555,0.98749,0.98933,0.99109,0.99274,0.99427,0.99567,0.99694,0.99805,0.99899,0.99969,1.0]',3.58596586208113077276e-02,4.64131347352806367112e-02,5.41014124319516565009e-02,7.58498688492245110026e-02,1.30260957687500456003e-01,'ok',NULL);
INSERT INTO "rt_relation" VALUES('2.25.147729433595155772241746426629231714369',2,'6','half','Lung_L','PTV_6000',1,'name',42.9105451176,9.31618530229499874906e+00,0.0,8.39242230376969899907e+01,1.10071929884509359001e+02,1.25992884835819793918e+02,1.25007466495731932808e+02,1.40646988740165312494e+02,1.60018848296630380903e+02,1.44293963607712129263e+02,7.80000000000000568442e+01,-3.77008424466521447574e-15,-2.30165895119670101142e-17,83.0,1.0,'[0.0,4e-05,0.00209,0.0056,0.01009,0.0154,0.02141,0.02806,0.03527,0.04304,0.05126,0.05997,0.06913,0.0787,0.08871,0.09909,0.10982,0.12095,0.13237,0.14423,0.15619,0.16873,0.18134,0.1944,0.20757,0.2212,0.23494,0.24895,0.2633,0.27777,0.29249,0.30742,0.32253,0.33796,0.3534,0.36921,0.38506,0.40099,0.41732,0.43356,0.45007,0.46654,0.48331,0.50012,0.51696,0.5339,0.55091,0.56801,0.58518,0.60229,0.61955,0.6367,0.65391,0.67107,0.68817,0.70525,0.72221,0.73911,0.75587,0.77249,0.78903,0.80529,0.82137,0.83722,0.85278,0.86802,0.88291,0.89745,0.91145,0.925,0.93796,0.95024,0.96174,0.97235,0.98188,0.99007,0.99651,1.0,1.0]',0.0,0.0,0.0,0.0,0.0,'ok',NULL);
INSERT INTO "rt_relation" VALUES('2.25.147729433595155772241746426629231714369',3,'6','half','Lung_R','PTV_6000',1,'name',42.9105451176,9.31618530229499874906e+00,9.31618530229499874906e+00,-3.0,1.59618599610414269029e+00,1.32247256826846282251e+01,1.40062684562817594269e+01,2.40414221635837854762e+01,4.54046691115572471648e+01,1.32888899762454784083e+01,-7.80000000000000568442e+01,-3.77008424466521447574e-15,-2.30165895119670101142e-17,-3.0,1.0,'[0.0,0.05889,0.1312,0.21664,0.2375,0.25856,0.28049,0.30293,0.32424,0.34529,0.36638,0.38746,0.40862,0.42997,0.4515,0.47316,0.49503,0.51717,0.53941,0.56187,0.58461,0.60754,0.63043,0.65384,0.67754,0.70079,0.72467,0.74903,0.77266,0.7969,0.82156,0.84332,0.86235,0.8802,0.89655,0.91094,0.92385,0.93469,0.94323,0.95132,0.95904,0.96628,0.97295,0.9792,0.98475,0.98973,0.99399,0.99742,0.99963,1.0]',2.16635904169437815136e-01,2.80490490307681139547e-01,0.324237525797919,4.29966847802887242036e-01,6.53843445811173928916e-01,'ok',NULL);
INSERT INTO "rt_relation" VALUES('2.25.147729433595155772241746426629231714369',4,'6','half','SpinalCord','PTV_6000',1,'name',0.67772425632,9.31618530229499874906e+00,0.0,5.69955626737731293465e+01,6.06667618069883687317e+01,6.30751312354177642296e+01,6.30697451567393727609e+01,6.55071386426391910617e+01,6.90585712329758507612e+01,8.53751326746468208739e+01,-5.5530483498145590945e-20,5.99999999999999786845e+01,-2.34257356204814723562e-17,56.0,1.0,'[0.0,1e-05,0.0364,0.1054,0.18801,0.28482,0.38466,0.49132,0.59676,0.69957,0.79966,0.88529,0.95806,0.99969,1.0]',0.0,0.0,0.0,0.0,0.0,'ok',NULL);
INSERT INTO "rt_relation" VALUES('2.25.147729433595155772241746426629231714369',5,'6','half','Heart','PTV_6000',1,'name',14.80295541552,9.31618530229499874906e+00,0.0,3.41731981178232757656e+01,5.22967394407202377246e+01,63.5124177414157,6.31323235047584603325e+01,7.42361379239371927968e+01,8.96797620403288107092e+01,8.42668110604560354186e+01,1.00000000000000053288e+01,-30.0,-3.00451564134078669132e-02,34.0,1.0,'[0.0,0.00135,0.00636,0.01347,0.0223,0.0325,0.04378,0.05623,0.06953,0.08388,0.09895,0.11464,0.13135,0.1488,0.16675,0.18495,0.20418,0.22384,0.24386,0.26399,0.28528,0.3068,0.32834,0.35046,0.37294,0.39532,0.41798,0.44122,0.46449,0.48762,0.51128,0.53511,0.55858,0.58206,0.60586,0.62916,0.6524,0.67605,0.69928,0.72196,0.74472,0.76705,0.78885,0.81037,0.83129,0.85153,0.87151,0.89064,0.90895,0.92622,0.94227,0.9573,0.97077,0.98255,0.99221,0.99861,1.0]',0.0,0.0,0.0,0.0,0.0,'ok',NULL);
INSERT INTO "rt_relation" VALUES('2.25.147729433595155772241746426629231714369',7,'6','half','Bolus','PTV_6000',1,'name',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'failed','Bolus: no contours');
CREATE TABLE rt_roi (
  SOPInstanceUID TEXT NOT NULL,
  roi_number INTEGER NOT NULL,
  raw_name TEXT,
  interpreted_type TEXT,
  description TEXT,
  generation_algorithm TEXT,
  observation_label TEXT,
  physical_property TEXT,
  physical_value TEXT,
  colour TEXT,
  frame_of_reference_uid TEXT,
  contour_count INTEGER,
  closed_contour_count INTEGER,
  point_count INTEGER,
  plane_count INTEGER,
  plane_spacing_mm REAL,
  end_cap TEXT,
  volume_cc REAL,
  centroid_x_mm REAL,
  centroid_y_mm REAL,
  centroid_z_mm REAL,
  low_x_mm REAL,
  low_y_mm REAL,
  low_z_mm REAL,
  high_x_mm REAL,
  high_y_mm REAL,
  high_z_mm REAL,
  spread_x_mm REAL,
  spread_y_mm REAL,
  spread_z_mm REAL,
  max_cross_section_cm2 REAL,
  median_cross_section_cm2 REAL,
  surface_area_cm2 REAL,
  is_empty INTEGER,
  is_duplicate_name INTEGER,
  is_one_slice INTEGER,
  status TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (SOPInstanceUID, roi_number)
);
INSERT INTO "rt_roi" VALUES('2.25.147729433595155772241746426629231714369',1,'BODY','EXTERNAL',NULL,'AUTOMATIC',NULL,NULL,NULL,'#00ff00','2.25.227304230339075676669510999113062303713',2,2,144,2,3.0,'half',2.59323117333960112768e+02,1.8213734364408194424e-14,6.20351261019367452654e-14,1.3322676295501878485e-15,-145.0,-95.0,-1.5,145.0,95.0,1.5,290.0,190.0,3.0,4.32205195556600585849e+02,4.32205195556600244802e+02,910.127028125819,0,0,0,'ok',NULL);
INSERT INTO "rt_roi" VALUES('2.25.147729433595155772241746426629231714369',2,'Lung_L','ORGAN',NULL,'AUTOMATIC',NULL,NULL,NULL,'#0000ff','2.25.227304230339075676669510999113062303713',2,2,144,2,3.0,'half',4.29105451176000514141e+01,7.79999999999999573665e+01,1.7581362647644652339e-14,1.60982338570647698361e-15,40.0053,-59.9917,-1.5,115.9947,59.9917,1.5,7.5989399999999989177e+01,119.9834,3.0,7.15175751960001662146e+01,71.5175751960001,1.61732662830021155283e+02,0,0,0,'ok',NULL);
INSERT INTO "rt_roi" VALUES('2.25.147729433595155772241746426629231714369',3,'Lung_R','ORGAN',NULL,'AUTOMATIC',NULL,NULL,NULL,'#0080ff','2.25.227304230339075676669510999113062303713',2,2,144,2,3.0,'half',4.29105451176000514141e+01,-7.80000000000000284208e+01,1.77403261435546450905e-14,1.3322676295501878485e-15,-115.9947,-59.9917,-1.5,-40.0053,59.9917,1.5,7.5989399999999989177e+01,119.9834,3.0,7.15175751960001377955e+01,71.5175751960001,1.61732662830021155283e+02,0,0,0,'ok',NULL);
INSERT INTO "rt_roi" VALUES('2.25.147729433595155772241746426629231714369',4,'SpinalCord','ORGAN',NULL,'AUTOMATIC',NULL,NULL,NULL,'#ffff00','2.25.227304230339075676669510999113062303713',2,2,144,2,3.0,'half',6.77724256320000661979e-01,1.45426340446404106445e-16,60.0,1.72084568816899263765e-15,-6.0,54.0,-1.5,6.0,66.0,1.5,12.0,12.0,3.0,1.12954042720000247257e+00,1.1295404272000011403e+00,4.52031191345130167746e+00,0,0,0,'ok',NULL);
INSERT INTO "rt_roi" VALUES('2.25.147729433595155772241746426629231714369',5,'Heart','ORGAN',NULL,'AUTOMATIC',NULL,NULL,NULL,'#ff0080','2.25.227304230339075676669510999113062303713',2,2,144,2,3.0,'half',1.48029554155199960518e+01,1.00000000000000159876e+01,-2.99999999999999857882e+01,-3.0045156413407880791e-02,-17.3605,-59.3148,-1.5,37.3605,-0.6852,1.5,5.47210000000000036397e+01,5.86295999999999963838e+01,3.0,2.51657669267999963827e+01,2.46715923591999946045e+01,6.00116454013597291341e+01,0,0,0,'ok',NULL);
INSERT INTO "rt_roi" VALUES('2.25.147729433595155772241746426629231714369',6,'PTV_6000','PTV',NULL,'AUTOMATIC',NULL,NULL,NULL,'#ff0000','2.25.227304230339075676669510999113062303713',2,2,144,2,3.0,'half',9.31618530229501118355e+00,-6.6167158137914952932e+01,6.04798330537213590929e+00,1.8684521083392691132e-02,-88.5509,-16.3357,-1.5,-43.7834,28.4317,1.5,44.7675,4.4767399999999994975e+01,3.0,1.57203849046000438956e+01,1.55269755038250192313e+01,3.94553322841101348225e+01,0,0,0,'ok',NULL);
INSERT INTO "rt_roi" VALUES('2.25.147729433595155772241746426629231714369',7,'Bolus','BOLUS',NULL,NULL,NULL,NULL,NULL,'#808080','2.25.227304230339075676669510999113062303713',0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,0,0,'failed','no contours');
CREATE TABLE rt_site (
  plan_uid TEXT NOT NULL,
  site TEXT NOT NULL,
  PRIMARY KEY (plan_uid)
);
CREATE TABLE rt_structure_set (
  SOPInstanceUID TEXT NOT NULL,
  patient_id TEXT,
  study_instance_uid TEXT,
  series_instance_uid TEXT,
  manufacturer TEXT,
  model TEXT,
  software_version TEXT,
  frame_of_reference_uid TEXT,
  image_series_uid TEXT,
  image_series_uids TEXT,
  label TEXT,
  name TEXT,
  description TEXT,
  date TEXT,
  time TEXT,
  physician TEXT,
  approval_status TEXT,
  roi_count INTEGER,
  plane_spacing_mm REAL,
  status TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (SOPInstanceUID)
);
INSERT INTO "rt_structure_set" VALUES('2.25.147729433595155772241746426629231714369','DEMO001','2.25.75470520340590249561354836626595003256','2.25.134693703249029990417284479690316581976','pyconquest_rt','Demo generator','1','2.25.227304230339075676669510999113062303713','2.25.111731211677440125890136149387618905794','2.25.111731211677440125890136149387618905794','Thorax','Thorax',NULL,'20240115','100000','Demo^Physician','UNAPPROVED',7,3.0,'ok',NULL);
CREATE TABLE rt_sts (
  SOPInstanceUID TEXT NOT NULL,
  organ_number INTEGER NOT NULL,
  targets TEXT NOT NULL,
  end_cap TEXT NOT NULL,
  distance_width_mm REAL,
  azimuth_width_deg REAL,
  elevation_width_deg REAL,
  distance TEXT,
  azimuth TEXT,
  elevation TEXT,
  fraction TEXT,
  PRIMARY KEY (SOPInstanceUID, organ_number, targets, end_cap)
);
INSERT INTO "rt_sts" VALUES('2.25.147729433595155772241746426629231714369',1,'6','half',10.0,20.0,10.0,'[0.0,0.0,0.0,0.0,0.06501,0.22147,0.27937,0.27827,0.15589]','[0.33699,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.06718,0.59583]','[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.49377,0.50623,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0]','[[4,0,8,0.008298],[4,0,9,0.00928],[4,17,8,0.022802],[4,17,9,0.024626],[5,0,8,0.04029],[5,0,9,0.040437],[5,16,8,0.009345],[5,16,9,0.009706],[5,17,8,0.060562],[5,17,9,0.061129],[6,0,8,0.051285],[6,0,9,0.052287],[6,16,8,0.01575],[6,16,9,0.016751],[6,17,8,0.071382],[6,17,9,0.071919],[7,0,8,0.048313],[7,0,9,0.049082],[7,16,8,0.00716],[7,16,9,0.008473],[7,17,8,0.082654],[7,17,9,0.082584],[8,0,8,0.01821],[8,0,9,0.019506],[8,17,8,0.057722],[8,17,9,0.060447]]');
INSERT INTO "rt_sts" VALUES('2.25.147729433595155772241746426629231714369',2,'6','half',10.0,20.0,10.0,'[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.1134,0.24884,0.28329,0.25797,0.0965]','[0.33699,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.66301]','[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.49377,0.50623,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0]','[[12,0,8,0.015465],[12,0,9,0.01611],[12,17,8,0.040342],[12,17,9,0.041488],[13,0,8,0.044836],[13,0,9,0.045783],[13,17,8,0.07795],[13,17,9,0.080269],[14,0,8,0.051894],[14,0,9,0.052214],[14,17,8,0.089359],[14,17,9,0.089819],[15,0,8,0.043784],[15,0,9,0.045134],[15,17,8,0.083701],[15,17,9,0.085353],[16,0,8,0.010417],[16,0,9,0.01135],[16,17,8,0.036024],[16,17,9,0.038707]]');
INSERT INTO "rt_sts" VALUES('2.25.147729433595155772241746426629231714369',3,'6','half',10.0,20.0,10.0,'[0.19301,0.34738,0.34561,0.11401]','[0.01115,0.00955,0.00992,0.0123,0.01869,0.02976,0.05089,0.07857,0.11614,0.12724,0.14046,0.12948,0.1001,0.06965,0.04359,0.02591,0.01718,0.0094]','[0.00019,0.0002,0.00069,0.00137,0.00148,0.00468,0.01432,0.05993,0.41091,0.42285,0.06043,0.01401,0.00474,0.00219,0.0012,0.0003,0.0003,0.0002]','[[0,0,2,9.7e-05],[0,0,3,0.000195],[0,0,4,9.7e-05],[0,0,5,0.000293],[0,0,6,0.000974],[0,0,7,0.002026],[0,0,8,0.001843],[0,0,9,0.002066],[0,0,10,0.002069],[0,0,11,0.000791],[0,0,12,0.000398],[0,0,13,0.0001],[0,0,14,0.0001],[0,0,15,0.0001],[0,1,3,9.8e-05],[0,1,4,9.8e-05],[0,1,5,0.000286],[0,1,6,0.000938],[0,1,7,0.00194],[0,1,8,0.001385],[0,1,9,0.001771],[0,1,10,0.00168],[0,1,11,0.000864],[0,1,12,0.000389],[0,1,13,9.8e-05],[0,2,2,9.8e-05],[0,2,3,9.8e-05],[0,2,4,9.4e-05],[0,2,5,0.000282],[0,2,6,0.000829],[0,2,7,0.001741],[0,2,8,0.001657],[0,2,9,0.001745],[0,2,10,0.001949],[0,2,11,0.000548],[0,2,12,0.00029],[0,2,13,0.000195],[0,2,14,9.8e-05],[0,2,15,0.0001],[0,2,17,0.0002],[0,3,3,9.4e-05],[0,3,5,0.000279],[0,3,6,0.000628],[0,3,7,0.001977],[0,3,8,0.00211],[0,3,9,0.002313],[0,3,10,0.001935],[0,3,11,0.000716],[0,3,12,0.000375],[0,3,13,9.6e-05],[0,4,0,0.000195],[0,4,1,9.7e-05],[0,4,4,9.4e-05],[0,4,5,0.000182],[0,4,6,0.000801],[0,4,7,0.001787],[0,4,8,0.002317],[0,4,9,0.002274],[0,4,10,0.002045],[0,4,11,0.000815],[0,4,12,9.1e-05],[0,4,13,9.7e-05],[0,4,14,9.8e-05],[0,4,15,9.8e-05],[0,5,2,9.8e-05],[0,5,3,0.000192],[0,5,5,0.000279],[0,5,6,0.000813],[0,5,7,0.001889],[0,5,8,0.002183],[0,5,9,0.002241],[0,5,10,0.002105],[0,5,11,0.000894],[0,5,12,0.000284],[0,5,13,9.6e-05],[0,6,4,9.4e-05],[0,6,5,0.000282],[0,6,6,0.000822],[0,6,7,0.002174],[0,6,8,0.002332],[0,6,9,0.00218],[0,6,10,0.001852],[0,6,11,0.00074],[0,6,12,0.000386],[0,6,13,0.000195],[0,6,14,9.8e-05],[0,7,3,9.8e-05],[0,7,4,0.000197],[0,7,5,0.000286],[0,7,6,0.000655],[0,7,7,0.00185],[0,7,8,0.00183],[0,7,9,0.00231],[0,7,10,0.002051],[0,7,11,0.000768],[0,7,12,0.000293],[0,7,13,9.8e-05],[0,8,2,9.7e-05],[0,8,3,0.000195],[0,8,4,9.7e-05],[0,8,5,0.000293],[0,8,6,0.001068],[0,8,7,0.002411],[0,8,8,0.0027],[0,8,9,0.002556],[0,8,10,0.001965],[0,8,11,0.00099],[0,8,12,0.000298],[0,8,13,0.0001],[0,8,14,0.0002],[0,8,16,0.0001],[0,9,4,0.000101],[0,9,5,0.000101],[0,9,6,0.000602],[0,9,7,0.001405],[0,9,8,0.002113],[0,9,9,0.001829],[0,9,10,0.001828],[0,9,11,0.000608],[0,9,12,0.000202],[0,9,13,0.000101],[0,10,3,0.000101],[0,10,5,0.0003],[0,10,6,0.000809],[0,10,7,0.00234],[0,10,8,0.002234],[0,10,9,0.002369],[0,10,10,0.00216],[0,10,11,0.000715],[0,10,12,0.000102],[0,10,13,0.000203],[0,10,14,0.000101],[0,11,2,0.000101],[0,11,3,0.000101],[0,11,4,0.0001],[0,11,5,0.000201],[0,11,6,0.000813],[0,11,7,0.001927],[0,11,8,0.001929],[0,11,9,0.002279],[0,11,10,0.001971],[0,11,11,0.000926],[0,11,12,0.000306],[0,11,13,0.000102],[0,11,14,0.000101],[0,11,16,0.000101],[0,12,3,0.0001],[0,12,5,0.000304],[0,12,6,0.000813],[0,12,7,0.001826],[0,12,8,0.002037],[0,12,9,0.002165],[0,12,10,0.001863],[0,12,11,0.000827],[0,12,12,0.000205],[0,12,13,0.000204],[0,12,14,0.000102],[0,13,4,0.000102],[0,13,5,0.000102],[0,13,6,0.000813],[0,13,7,0.002238],[0,13,8,0.00224],[0,13,9,0.002164],[0,13,10,0.002066],[0,13,11,0.000829],[0,13,12,0.000103],[0,13,13,0.000102],[0,14,1,0.000101],[0,14,2,0.000101],[0,14,3,0.0001],[0,14,4,0.000102],[0,14,5,0.000405],[0,14,6,0.000814],[0,14,7,0.001929],[0,14,8,0.002141],[0,14,9,0.002271],[0,14,10,0.002068],[0,14,11,0.000829],[0,14,12,0.000307],[0,14,13,0.000102],[0,14,14,0.000102],[0,15,4,0.0001],[0,15,5,0.000303],[0,15,6,0.000814],[0,15,7,0.001927],[0,15,8,0.002031],[0,15,9,0.002279],[0,15,10,0.002076],[0,15,11,0.000822],[0,15,12,0.000306],[0,15,13,0.000102],[0,15,14,0.000101],[0,15,16,0.000101],[0,16,2,0.000101],[0,16,4,0.000202],[0,16,5,0.0003],[0,16,6,0.000809],[0,16,7,0.002237],[0,16,8,0.002334],[0,16,9,0.002265],[0,16,10,0.002056],[0,16,11,0.000715],[0,16,12,0.000204],[0,16,13,0.000101],[0,16,14,0.000101],[0,17,5,0.000202],[0,17,6,0.000502],[0,17,7,0.001709],[0,17,8,0.002013],[0,17,9,0.001829],[0,17,10,0.001726],[0,17,11,0.000608],[0,17,12,0.000202],[0,17,13,0.000101],[1,3,7,0.000282],[1,3,8,0.000488],[1,3,9,0.000573],[1,3,10,0.000439],[1,4,7,0.001278],[1,4,8,0.002349],[1,4,9,0.002718],[1,4,10,0.001359],[1,5,7,0.001996],[1,5,8,0.006989],[1,5,9,0.007801],[1,5,10,0.001905],[1,6,7,0.002036],[1,6,8,0.014189],[1,6,9,0.014666],[1,6,10,0.002165],[1,7,7,0.001965],[1,7,8,0.015044],[1,7,9,0.014514],[1,7,10,0.001903],[1,8,7,0.002182],[1,8,8,0.015823],[1,8,9,0.015477],[1,8,10,0.002224],[1,9,7,0.001923],[1,9,8,0.01407],[1,9,9,0.014035],[1,9,10,0.001735],[1,10,7,0.002031],[1,10,8,0.014797],[1,10,9,0.014536],[1,10,10,0.001973],[1,11,7,0.001925],[1,11,8,0.014745],[1,11,9,0.015175],[1,11,10,0.002048],[1,12,7,0.001991],[1,12,8,0.014926],[1,12,9,0.014701],[1,12,10,0.002014],[1,13,7,0.002057],[1,13,8,0.01458],[1,13,9,0.014393],[1,13,10,0.001996],[1,14,7,0.00199],[1,14,8,0.012968],[1,14,9,0.013277],[1,14,10,0.001914],[1,15,7,0.001925],[1,15,8,0.005313],[1,15,9,0.005764],[1,15,10,0.001944],[1,16,7,0.000914],[1,16,8,0.001625],[1,16,9,0.002077],[1,16,10,0.001143],[1,17,7,0.000102],[1,17,9,0.000204],[1,17,10,0.000204],[2,6,8,0.003004],[2,6,9,0.003674],[2,7,8,0.016932],[2,7,9,0.017781],[2,8,8,0.028327],[2,8,9,0.028649],[2,9,8,0.027068],[2,9,9,0.027375],[2,10,8,0.027708],[2,10,9,0.028074],[2,11,8,0.028455],[2,11,9,0.028546],[2,12,8,0.025883],[2,12,9,0.026201],[2,13,8,0.012314],[2,13,9,0.013548],[2,14,8,0.00079],[2,14,9,0.001278],[3,8,8,0.004947],[3,8,9,0.005442],[3,9,8,0.015496],[3,9,9,0.016647],[3,10,8,0.019356],[3,10,9,0.02055],[3,11,8,0.013653],[3,11,9,0.013977],[3,12,8,0.001646],[3,12,9,0.002296]]');
INSERT INTO "rt_sts" VALUES('2.25.147729433595155772241746426629231714369',4,'6','half',10.0,20.0,10.0,'[0.0,0.0,0.0,0.0,0.0,0.0,0.08589,0.23702,0.28146,0.27067,0.12495]','[0.0,0.5352,0.4648,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0]','[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.49377,0.50623,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0]','[[6,1,8,0.02286],[6,1,9,0.02461],[6,2,8,0.018721],[6,2,9,0.019703],[7,1,8,0.062803],[7,1,9,0.062813],[7,2,8,0.055077],[7,2,9,0.05633],[8,1,8,0.073477],[8,1,9,0.074876],[8,2,8,0.065733],[8,2,9,0.067371],[9,1,8,0.071542],[9,1,9,0.072425],[9,2,8,0.06275],[9,2,9,0.063953],[10,1,8,0.033997],[10,1,9,0.0358],[10,2,8,0.026811],[10,2,9,0.028346]]');
INSERT INTO "rt_sts" VALUES('2.25.147729433595155772241746426629231714369',5,'6','half',10.0,20.0,10.0,'[0.0,0.0,0.0,0.0,0.0,0.0,0.10875,0.24129,0.28648,0.26336,0.10011]','[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.00496,0.71409,0.28095]','[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.49377,0.50623,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0]','[[6,16,8,0.041331],[6,16,9,0.043723],[6,17,8,0.01153],[6,17,9,0.012172],[7,15,8,0.000695],[7,15,9,0.000948],[7,16,8,0.081055],[7,16,9,0.081407],[7,17,8,0.037873],[7,17,9,0.039317],[8,15,8,0.00111],[8,15,9,0.002203],[8,16,8,0.09539],[8,16,9,0.096208],[8,17,8,0.045354],[8,17,9,0.04622],[9,16,8,0.094213],[9,16,9,0.094196],[9,17,8,0.036989],[9,17,9,0.037957],[10,16,8,0.041702],[10,16,9,0.044868],[10,17,8,0.006531],[10,17,9,0.00701]]');
CREATE TABLE volume_verdict (
  SOPInstanceUID TEXT NOT NULL,
  series_instance_uid TEXT,
  patient_id TEXT,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  codes TEXT NOT NULL,
  refusal TEXT,
  volumes INTEGER NOT NULL,
  images INTEGER NOT NULL,
  stacks INTEGER,
  slices INTEGER,
  image_rows INTEGER,
  image_columns INTEGER,
  spacing_k_mm REAL,
  spacing_j_mm REAL,
  spacing_i_mm REAL,
  PRIMARY KEY (SOPInstanceUID)
);
INSERT INTO "volume_verdict" VALUES('2.25.148967981790754781956097141652626287643','2.25.111731211677440125890136149387618905794','DEMO001','scalar','ok',NULL,'',NULL,1,2,1,2,16,16,3.0,20.0,20.0);
INSERT INTO "volume_verdict" VALUES('2.25.328574683218608960936154360626563024457','2.25.339655882056927992102458563466529341001','DEMO001','dose','ok',NULL,'',NULL,1,1,1,2,68,100,3.0,3.0,3.0);
CREATE TABLE watched(
            path TEXT PRIMARY KEY NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL
        ) WITHOUT ROWID;
INSERT INTO "watched" VALUES('in/1.dcm',10,20);
CREATE INDEX forward_queue_due ON forward_queue(rule, state, next_try);
CREATE INDEX files_not_indexed ON files(sop) WHERE state <> 'indexed';
CREATE INDEX rejected_path ON rejected(path);
CREATE INDEX derivation_inputs_of ON derivation_inputs(input_sop);
CREATE INDEX derivations_unfinished ON derivations(extractor, state) WHERE state <> 'done';
CREATE INDEX job_runs_name ON job_runs(name, id);
CREATE INDEX derivations_unit ON derivations(extractor, unit) WHERE unit IS NOT NULL;
CREATE INDEX derivations_awaited ON derivations(awaited) WHERE awaited IS NOT NULL;
CREATE INDEX pseudonyms_back ON pseudonyms(pseudonym);
CREATE UNIQUE INDEX corrections_of ON corrections(level, uid, tag, former);
CREATE INDEX study_lnk ON DICOMStudies (PatientID);
CREATE INDEX series_lnk ON DICOMSeries (StudyInsta);
CREATE INDEX series_pat ON DICOMSeries (SeriesPat);
CREATE INDEX images_lnk ON DICOMImages (SeriesInst);
CREATE INDEX images_pat ON DICOMImages (ImagePat);
CREATE VIEW v_series AS
SELECT series.*, studies.* FROM DICOMSeries series
JOIN DICOMStudies studies ON series.StudyInsta = studies.StudyInsta;
CREATE VIEW v_seriesRT AS
SELECT series.*, studies.*, images.* FROM DICOMSeries series
JOIN DICOMStudies studies ON series.StudyInsta = studies.StudyInsta
JOIN DICOMImages images ON images.SeriesInst = series.SeriesInst
WHERE series.Modality IN ('RTSTRUCT', 'RTDOSE', 'RTPLAN');
CREATE VIEW archive_patients AS /* view of pyconquest_rt */ SELECT p."PatientID" AS patient_id, p."PatientNam" AS patient_name, CASE WHEN length(p."PatientBir") = 8 THEN substr(p."PatientBir", 1, 4) || '-' || substr(p."PatientBir", 5, 2) || '-' || substr(p."PatientBir", 7, 2) ELSE p."PatientBir" END AS birth_date, p."PatientSex" AS sex, (SELECT count(*) FROM DICOMStudies t WHERE t.PatientID = p.PatientID) AS studies, (SELECT count(*) FROM DICOMStudies t JOIN DICOMSeries s ON s.StudyInsta = t.StudyInsta WHERE t.PatientID = p.PatientID) AS series, (SELECT count(*) FROM DICOMStudies t JOIN DICOMSeries s ON s.StudyInsta = t.StudyInsta JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst WHERE t.PatientID = p.PatientID) AS objects, (SELECT group_concat(m) FROM (SELECT DISTINCT s."Modality" AS m FROM DICOMStudies t JOIN DICOMSeries s ON s.StudyInsta = t.StudyInsta WHERE t.PatientID = p.PatientID ORDER BY 1)) AS modalities, (SELECT sum(f.size) FROM DICOMStudies t JOIN DICOMSeries s ON s.StudyInsta = t.StudyInsta JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst LEFT JOIN files f ON f.path = replace(i.ObjectFile, '\', '/') WHERE t.PatientID = p.PatientID) AS bytes, (SELECT datetime(max(i.AccessTime), 'unixepoch') FROM DICOMStudies t JOIN DICOMSeries s ON s.StudyInsta = t.StudyInsta JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst WHERE t.PatientID = p.PatientID) AS last_arrival FROM DICOMPatients p;
CREATE VIEW archive_studies AS /* view of pyconquest_rt */ SELECT t."StudyInsta" AS study_uid, CASE WHEN length(t."StudyDate") = 8 THEN substr(t."StudyDate", 1, 4) || '-' || substr(t."StudyDate", 5, 2) || '-' || substr(t."StudyDate", 7, 2) ELSE t."StudyDate" END AS study_date, t."StudyTime" AS study_time, t."StudyDescr" AS study_description, t."AccessionN" AS accession_number, t."ReferPhysi" AS physician, p."PatientID" AS patient_id, (SELECT count(*) FROM DICOMSeries s WHERE s.StudyInsta = t.StudyInsta) AS series, (SELECT count(*) FROM DICOMSeries s JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst WHERE s.StudyInsta = t.StudyInsta) AS objects, (SELECT group_concat(m) FROM (SELECT DISTINCT s."Modality" AS m FROM DICOMSeries s WHERE s.StudyInsta = t.StudyInsta ORDER BY 1)) AS modalities, (SELECT sum(f.size) FROM DICOMSeries s JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst LEFT JOIN files f ON f.path = replace(i.ObjectFile, '\', '/') WHERE s.StudyInsta = t.StudyInsta) AS bytes, (SELECT datetime(max(i.AccessTime), 'unixepoch') FROM DICOMSeries s JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst WHERE s.StudyInsta = t.StudyInsta) AS last_arrival FROM DICOMStudies t LEFT JOIN DICOMPatients p ON p.PatientID = t.PatientID;
CREATE VIEW archive_series AS /* view of pyconquest_rt */ SELECT s."SeriesInst" AS series_uid, s."Modality" AS modality, CASE WHEN length(s."SeriesDate") = 8 THEN substr(s."SeriesDate", 1, 4) || '-' || substr(s."SeriesDate", 5, 2) || '-' || substr(s."SeriesDate", 7, 2) ELSE s."SeriesDate" END AS series_date, s."SeriesNumb" AS series_number, s."SeriesDesc" AS series_description, s."BodyPartEx" AS body_part, s."Manufactur" AS manufacturer, s."ManModelNa" AS model, s."FrameOfRef" AS frame_of_reference_uid, t."StudyInsta" AS study_uid, p."PatientID" AS patient_id, (SELECT count(*) FROM DICOMImages i WHERE i.SeriesInst = s.SeriesInst) AS objects, (SELECT sum(f.size) FROM DICOMImages i LEFT JOIN files f ON f.path = replace(i.ObjectFile, '\', '/') WHERE i.SeriesInst = s.SeriesInst) AS bytes, (SELECT datetime(max(i.AccessTime), 'unixepoch') FROM DICOMImages i WHERE i.SeriesInst = s.SeriesInst) AS last_arrival FROM DICOMSeries s LEFT JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta LEFT JOIN DICOMPatients p ON p.PatientID = t.PatientID;
CREATE VIEW archive_objects AS /* view of pyconquest_rt */ SELECT i."SOPInstanc" AS sop_uid, i."SOPClassUI" AS sop_class_uid, s."Modality" AS modality, i."ImageNumbe" AS instance_number, s."SeriesInst" AS series_uid, t."StudyInsta" AS study_uid, p."PatientID" AS patient_id, i.ObjectFile AS file, i.DeviceName AS device, f.size AS bytes, f.state AS state, datetime(i.AccessTime, 'unixepoch') AS arrived FROM DICOMImages i LEFT JOIN DICOMSeries s ON s.SeriesInst = i.SeriesInst LEFT JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta LEFT JOIN DICOMPatients p ON p.PatientID = t.PatientID LEFT JOIN files f ON f.path = replace(i.ObjectFile, '\', '/');
CREATE VIEW rtds_patients AS /* view of pyconquest_rt */ SELECT patient_id AS id, patient_name AS PatientName, birth_date AS BirthDate, sex AS Gender, NULL AS EnthicGroup, patient_id AS fk_user_id_id FROM archive_patients;
CREATE VIEW rtds_studies AS /* view of pyconquest_rt */ SELECT study_uid AS id, study_uid AS StudyInstanceUID, study_date AS StudyDate, study_description AS StudyDescription, series AS TotalSeries, patient_id AS fk_patient_id_id, NULL AS fk_user_id_id FROM archive_studies;
CREATE VIEW rtds_series AS /* view of pyconquest_rt */ SELECT series_uid AS id, series_uid AS SeriesInstanceUID, series_date AS SeriesDate, series_description AS SeriesDescription, modality AS SeriesType, modality AS Modality, series_number AS SeriesNumber, manufacturer AS Manufacturer, NULL AS PhysicianOfRecord, study_uid AS fk_study_id_id, patient_id AS fk_patient_id_id, NULL AS fk_user_id_id FROM archive_series;
CREATE VIEW rtds_ct_images AS /* view of pyconquest_rt */ SELECT sop_uid AS id, sop_uid AS SOPInstanceUID, sop_class_uid AS SOPClassUID, NULL AS ImageType, NULL AS PhotometricInterpretation, NULL AS RescaleSlope, NULL AS RescaleIntercept, NULL AS SliceLocation, NULL AS PixelSpacing, NULL AS ImageOrientationPatient, NULL AS ImagePositionPatient, NULL AS SliceThickness, NULL AS BodypartExamined, NULL AS Rows, NULL AS Columns, series_uid AS fk_series_id_id, study_uid AS fk_study_id_id, patient_id AS fk_patient_id_id FROM archive_objects WHERE modality = 'CT';
CREATE INDEX index_rt_structure_set_frame_of_reference_uid ON rt_structure_set (frame_of_reference_uid);
CREATE INDEX index_rt_structure_set_patient_id ON rt_structure_set (patient_id);
CREATE INDEX index_rt_structure_set_study_instance_uid ON rt_structure_set (study_instance_uid);
CREATE INDEX index_rt_roi_raw_name ON rt_roi (raw_name);
CREATE INDEX index_roi_name_raw_name ON roi_name (raw_name);
CREATE INDEX index_roi_name_tg263_name ON roi_name (tg263_name);
CREATE INDEX index_roi_name_institutional_name ON roi_name (institutional_name);
CREATE INDEX index_rt_plan_frame_of_reference_uid ON rt_plan (frame_of_reference_uid);
CREATE INDEX index_rt_plan_patient_id ON rt_plan (patient_id);
CREATE INDEX index_rt_plan_structure_set_uid ON rt_plan (structure_set_uid);
CREATE INDEX index_rt_plan_study_instance_uid ON rt_plan (study_instance_uid);
CREATE INDEX index_rt_dose_plan_uid ON rt_dose (plan_uid);
CREATE INDEX index_rt_dose_frame_of_reference_uid ON rt_dose (frame_of_reference_uid);
CREATE INDEX index_rt_dose_patient_id ON rt_dose (patient_id);
CREATE INDEX index_rt_dose_study_instance_uid ON rt_dose (study_instance_uid);
CREATE VIEW v_rt_chain AS
SELECT chain.*,
    structure_set_link IN ('reference', 'plan', 'frame of reference') AS has_structures,
    CASE
        WHEN structure_set_link = 'missing' THEN 'waits for structure set ' || structure_set_uid
        WHEN structure_set_link = 'none' AND plan_link = 'missing' THEN 'waits for plan ' || plan_uid
        WHEN structure_set_link = 'none' AND frame_of_reference_uid IS NULL
            THEN 'refers to no structure set and has no frame of reference'
        WHEN structure_set_link = 'none' THEN 'waits for a structure set in its frame of reference'
        WHEN structure_set_link = 'plan' THEN 'waits for structure set ' || wanted_structure_set_uid
            || '; meanwhile that of its plan is taken'
        WHEN plan_link = 'missing' THEN 'waits for plan ' || plan_uid
        WHEN structure_set_link = 'frame of reference' THEN 'structure set by frame of reference only'
        WHEN image_series_link = 'missing' THEN 'waits for image series ' || image_series_uid
        WHEN image_series_link = 'none' THEN 'no image series, or several, in its frame of reference'
        WHEN plan_link = 'none' THEN 'refers to no plan'
    END AS reason
FROM (
SELECT
    d.SOPInstanceUID AS dose_uid,
    d.patient_id AS patient_id,
    d.study_instance_uid AS study_instance_uid,
    d.frame_of_reference_uid AS frame_of_reference_uid,
    d.summation_type AS summation_type,
    d.chain_plan_uid AS plan_uid,
    CASE
        WHEN d.chain_plan_uid IS NULL THEN 'none'
        WHEN p.SOPInstanceUID IS NULL THEN 'missing'
        WHEN d.plan_uid IS NULL THEN 'frame of reference'
        ELSE 'reference'
    END AS plan_link,
    coalesce(s.SOPInstanceUID, d.structure_set_uid, p.structure_set_uid) AS structure_set_uid,
    coalesce(d.structure_set_uid, p.structure_set_uid) AS wanted_structure_set_uid,
    CASE
        WHEN s.SOPInstanceUID = framed.SOPInstanceUID THEN 'frame of reference'
        WHEN s.SOPInstanceUID = named.SOPInstanceUID THEN 'reference'
        WHEN s.SOPInstanceUID IS NOT NULL AND d.plan_uid IS NULL THEN 'frame of reference'
        WHEN s.SOPInstanceUID IS NOT NULL AND d.structure_set_uid IS NOT NULL THEN 'plan'
        WHEN s.SOPInstanceUID IS NOT NULL THEN 'reference'
        WHEN d.structure_set_uid IS NOT NULL OR p.structure_set_uid IS NOT NULL THEN 'missing'
        ELSE 'none'
    END AS structure_set_link,
    coalesce(s.image_series_uid, (
        SELECT CASE count(*) WHEN 1 THEN min(series.SeriesInst) END FROM DICOMSeries AS series
        WHERE series.FrameOfRef = d.frame_of_reference_uid AND series.Modality IN ('CT', 'MR', 'PT')
    )) AS image_series_uid,
    CASE
        WHEN i.SeriesInst IS NOT NULL THEN 'reference'
        WHEN s.image_series_uid IS NOT NULL THEN 'missing'
        WHEN (
        SELECT CASE count(*) WHEN 1 THEN min(series.SeriesInst) END FROM DICOMSeries AS series
        WHERE series.FrameOfRef = d.frame_of_reference_uid AND series.Modality IN ('CT', 'MR', 'PT')
    ) IS NOT NULL THEN 'frame of reference'
        ELSE 'none'
    END AS image_series_link
FROM (
    SELECT dose.*, coalesce(
        dose.plan_uid,
        CASE WHEN dose.summation_type IS NOT 'MULTI_PLAN' THEN
            (SELECT CASE count(*) WHEN 1 THEN min(other.SOPInstanceUID) END 
    FROM rt_plan AS other
    WHERE other.frame_of_reference_uid = dose.frame_of_reference_uid
        AND other.patient_id IS dose.patient_id)
        END
    ) AS chain_plan_uid
    FROM rt_dose AS dose) AS d
LEFT JOIN rt_plan AS p ON p.SOPInstanceUID = d.chain_plan_uid
LEFT JOIN rt_structure_set AS named ON named.SOPInstanceUID = d.structure_set_uid
LEFT JOIN rt_structure_set AS planned ON planned.SOPInstanceUID = p.structure_set_uid
    AND (d.structure_set_uid IS NULL OR d.plan_uid IS NOT NULL)
LEFT JOIN rt_structure_set AS framed
    ON framed.frame_of_reference_uid = d.frame_of_reference_uid AND framed.patient_id IS d.patient_id
    AND d.structure_set_uid IS NULL AND p.structure_set_uid IS NULL
    AND (d.plan_uid IS NULL OR p.SOPInstanceUID IS NOT NULL)
LEFT JOIN rt_structure_set AS s
    ON s.SOPInstanceUID =
        coalesce(named.SOPInstanceUID, planned.SOPInstanceUID, framed.SOPInstanceUID)
LEFT JOIN DICOMSeries AS i ON i.SeriesInst = s.image_series_uid
) AS chain;
CREATE INDEX index_rt_site_site ON rt_site (site);
CREATE INDEX index_dvh_structure_set_uid ON dvh (structure_set_uid);
CREATE INDEX index_dvh_plan_uid ON dvh (plan_uid);
CREATE INDEX index_dvh_roi_name ON dvh (roi_name);
CREATE INDEX index_dvh_metrics_metric ON dvh_metrics (metric);
CREATE VIEW v_dvh AS
SELECT v.SOPInstanceUID, v.structure_set_uid, v.roi_number, v.source, v.end_cap, d.patient_id,
    d.study_instance_uid, v.plan_uid, p.label AS plan_label, coalesce(p.physician, s.physician) AS physician,
    coalesce(t.site, p.treatment_site_key) AS site, coalesce(p.date, d.date) AS date,
    v.summation_type, v.plan_link, v.structure_set_link, v.prescription_gy, v.fractions, v.roi_name, v.roi_type,
    n.tg263_name, n.institutional_name, n.physician_name, v.is_target, v.alpha_beta_gy, v.alpha_beta_method,
    v.volume_cc, v.uncovered_cc, v.min_gy, v.mean_gy, v.max_gy, v.curve_gy, v.curve_cc, r.colour,
    v.status, v.reason
FROM dvh v
JOIN rt_dose d ON d.SOPInstanceUID = v.SOPInstanceUID
LEFT JOIN rt_plan p ON p.SOPInstanceUID = v.plan_uid
LEFT JOIN rt_site t ON t.plan_uid = v.plan_uid
LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = v.structure_set_uid
LEFT JOIN rt_roi r ON r.SOPInstanceUID = v.structure_set_uid AND r.roi_number = v.roi_number
LEFT JOIN roi_name n ON n.raw_name = v.roi_name AND n.physician = 'DEFAULT';
CREATE VIEW v_dvh_difference AS
SELECT ours.SOPInstanceUID, ours.structure_set_uid, ours.roi_number, ours.end_cap, ours.roi_name,
    theirs.volume_cc - ours.volume_cc AS volume_cc,
    theirs.min_gy - ours.min_gy AS min_gy,
    theirs.mean_gy - ours.mean_gy AS mean_gy,
    theirs.max_gy - ours.max_gy AS max_gy,
    (SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = theirs.SOPInstanceUID AND m.structure_set_uid = theirs.structure_set_uid AND m.roi_number = theirs.roi_number AND m.source = theirs.source AND m.end_cap = theirs.end_cap AND m.metric = 'D98%[Gy]') - (SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = ours.SOPInstanceUID AND m.structure_set_uid = ours.structure_set_uid AND m.roi_number = ours.roi_number AND m.source = ours.source AND m.end_cap = ours.end_cap AND m.metric = 'D98%[Gy]') AS d98_gy,
    (SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = theirs.SOPInstanceUID AND m.structure_set_uid = theirs.structure_set_uid AND m.roi_number = theirs.roi_number AND m.source = theirs.source AND m.end_cap = theirs.end_cap AND m.metric = 'D95%[Gy]') - (SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = ours.SOPInstanceUID AND m.structure_set_uid = ours.structure_set_uid AND m.roi_number = ours.roi_number AND m.source = ours.source AND m.end_cap = ours.end_cap AND m.metric = 'D95%[Gy]') AS d95_gy,
    (SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = theirs.SOPInstanceUID AND m.structure_set_uid = theirs.structure_set_uid AND m.roi_number = theirs.roi_number AND m.source = theirs.source AND m.end_cap = theirs.end_cap AND m.metric = 'D50%[Gy]') - (SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = ours.SOPInstanceUID AND m.structure_set_uid = ours.structure_set_uid AND m.roi_number = ours.roi_number AND m.source = ours.source AND m.end_cap = ours.end_cap AND m.metric = 'D50%[Gy]') AS d50_gy,
    (SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = theirs.SOPInstanceUID AND m.structure_set_uid = theirs.structure_set_uid AND m.roi_number = theirs.roi_number AND m.source = theirs.source AND m.end_cap = theirs.end_cap AND m.metric = 'D2%[Gy]') - (SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = ours.SOPInstanceUID AND m.structure_set_uid = ours.structure_set_uid AND m.roi_number = ours.roi_number AND m.source = ours.source AND m.end_cap = ours.end_cap AND m.metric = 'D2%[Gy]') AS d2_gy,
    (SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = theirs.SOPInstanceUID AND m.structure_set_uid = theirs.structure_set_uid AND m.roi_number = theirs.roi_number AND m.source = theirs.source AND m.end_cap = theirs.end_cap AND m.metric = 'D0.03cc[Gy]') - (SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = ours.SOPInstanceUID AND m.structure_set_uid = ours.structure_set_uid AND m.roi_number = ours.roi_number AND m.source = ours.source AND m.end_cap = ours.end_cap AND m.metric = 'D0.03cc[Gy]') AS d003cc_gy,
    100.0 * (theirs.volume_cc - ours.volume_cc) / ours.volume_cc AS volume_percent,
    100.0 * (theirs.mean_gy - ours.mean_gy) / ours.max_gy AS mean_percent,
    theirs.reason AS vendor_reason
FROM dvh theirs
JOIN dvh ours ON ours.SOPInstanceUID = theirs.SOPInstanceUID
    AND ours.structure_set_uid = theirs.structure_set_uid
    AND ours.roi_number = theirs.roi_number AND ours.source = 'pyconquest'
WHERE theirs.source = 'vendor';
CREATE INDEX index_rt_relation_organ_name ON rt_relation (organ_name);
CREATE VIEW v_ovh_margin AS
SELECT s.patient_id, r.SOPInstanceUID, r.organ_name, n.tg263_name, r.target_name, r.is_union, r.within_0mm, r.within_3mm, r.within_5mm, r.within_10mm, r.within_20mm,
    r.status, r.reason
FROM rt_relation r
LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID
LEFT JOIN roi_name n ON n.raw_name = r.organ_name AND n.physician = 'DEFAULT'
WHERE r.status <> 'failed';
CREATE VIEW v_isocentre_distance AS
SELECT p.patient_id, r.SOPInstanceUID, r.organ_number, r.organ_name, p.SOPInstanceUID AS plan_uid, b.beam_number,
    r.organ_x_mm - b.isocentre_x_mm AS dx_mm, r.organ_y_mm - b.isocentre_y_mm AS dy_mm,
    r.organ_z_mm - b.isocentre_z_mm AS dz_mm,
    (r.organ_x_mm - b.isocentre_x_mm) * (r.organ_x_mm - b.isocentre_x_mm)
    + (r.organ_y_mm - b.isocentre_y_mm) * (r.organ_y_mm - b.isocentre_y_mm)
    + (r.organ_z_mm - b.isocentre_z_mm) * (r.organ_z_mm - b.isocentre_z_mm) AS square_mm2
FROM (SELECT DISTINCT SOPInstanceUID, organ_number, organ_name, organ_x_mm, organ_y_mm, organ_z_mm FROM rt_relation
    WHERE status <> 'failed') r
JOIN rt_plan p ON p.structure_set_uid = r.SOPInstanceUID
JOIN rt_beam b ON b.SOPInstanceUID = p.SOPInstanceUID AND b.isocentre_x_mm IS NOT NULL;
CREATE INDEX index_rt_goal_result_sop ON rt_goal_result (SOPInstanceUID);
CREATE INDEX index_rt_goal_result_patient ON rt_goal_result (patient_id);
CREATE INDEX dose_object_study ON dose_object (StudyInstanceUID);
CREATE INDEX dose_event_uid ON dose_event (irradiation_event_uid);
CREATE INDEX dose_event_key ON dose_event (StudyInstanceUID, event_key);
CREATE INDEX dose_item_image ON dose_item (value_text) WHERE concept = '113795^DCM';
CREATE INDEX dose_counted_study ON dose_counted (StudyInstanceUID);
CREATE INDEX dose_superseded_study ON dose_superseded (StudyInstanceUID);
CREATE INDEX dose_examination_study ON dose_examination (StudyInstanceUID);
CREATE TRIGGER dose_object_comes AFTER INSERT ON dose_object WHEN NEW.StudyInstanceUID IS NOT NULL
BEGIN INSERT OR IGNORE INTO dose_uncounted VALUES (NEW.StudyInstanceUID); END;
CREATE TRIGGER dose_object_goes AFTER DELETE ON dose_object WHEN OLD.StudyInstanceUID IS NOT NULL
BEGIN INSERT OR IGNORE INTO dose_uncounted VALUES (OLD.StudyInstanceUID); DELETE FROM dose_counted WHERE StudyInstanceUID = OLD.StudyInstanceUID AND NOT EXISTS (SELECT 1 FROM dose_object o WHERE o.StudyInstanceUID = OLD.StudyInstanceUID); DELETE FROM dose_superseded WHERE StudyInstanceUID = OLD.StudyInstanceUID AND NOT EXISTS (SELECT 1 FROM dose_object o WHERE o.StudyInstanceUID = OLD.StudyInstanceUID); DELETE FROM dose_total WHERE StudyInstanceUID = OLD.StudyInstanceUID AND NOT EXISTS (SELECT 1 FROM dose_object o WHERE o.StudyInstanceUID = OLD.StudyInstanceUID); DELETE FROM dose_examination WHERE StudyInstanceUID = OLD.StudyInstanceUID AND NOT EXISTS (SELECT 1 FROM dose_object o WHERE o.StudyInstanceUID = OLD.StudyInstanceUID); DELETE FROM dose_uncounted WHERE StudyInstanceUID = OLD.StudyInstanceUID AND NOT EXISTS (SELECT 1 FROM dose_object o WHERE o.StudyInstanceUID = OLD.StudyInstanceUID); END;
CREATE VIEW v_dose_counted AS 
SELECT c.StudyInstanceUID, c.SOPInstanceUID, c.event, c.details, c.details_event
FROM dose_counted c WHERE c.told_by IS NULL;
CREATE VIEW v_dose_object AS 
SELECT o.*, s.superseded_by, s.why AS superseded_why
FROM dose_object o LEFT JOIN dose_superseded s ON s.SOPInstanceUID = o.SOPInstanceUID;
CREATE VIEW dose_study AS 
SELECT o.StudyInstanceUID, max(o.PatientID) AS PatientID, max(o.StudyDate) AS StudyDate,
  max(o.AccessionNumber) AS AccessionNumber, max(o.StudyDescription) AS StudyDescription,
  max(o.RequestedProcedureDescription) AS RequestedProcedureDescription,
  count(*) AS objects, sum(CASE WHEN o.status = 'failed' THEN 1 ELSE 0 END) AS failed_objects,
  coalesce(t.ct_events, 0) AS ct_events, coalesce(t.projection_events, 0) AS projection_events,
  coalesce(t.administrations, 0) AS administrations,
  t.total_dlp_mGycm, t.summed_dlp_mGycm, t.reported_dlp_mGycm, t.total_dap_Gym2, t.summed_dap_Gym2, t.reported_dap_Gym2, t.total_dose_rp_Gy, t.summed_dose_rp_Gy, t.reported_dose_rp_Gy, t.total_fluoro_time_s, t.summed_fluoro_time_s, t.reported_fluoro_time_s, t.total_agd_left_mGy, t.summed_agd_left_mGy, t.reported_agd_left_mGy, t.total_agd_right_mGy, t.summed_agd_right_mGy, t.reported_agd_right_mGy, t.total_agd_unknown_side_mGy, t.summed_agd_unknown_side_mGy, t.reported_agd_unknown_side_mGy, t.max_ctdivol_mGy, t.total_administered_activity_MBq, t.total_effective_dose_mSv,
  CASE WHEN u.StudyInstanceUID IS NULL THEN t.reasons ELSE 'objects have come or gone since this study was counted: the next derive counts it again' END AS reasons
FROM dose_object o
LEFT JOIN dose_total t ON t.StudyInstanceUID = o.StudyInstanceUID
LEFT JOIN dose_uncounted u ON u.StudyInstanceUID = o.StudyInstanceUID
WHERE o.StudyInstanceUID IS NOT NULL
GROUP BY o.StudyInstanceUID;
CREATE VIEW v_dose_ct AS SELECT o.StudyInstanceUID, o.PatientID, o.StudyDate, coalesce(o.StudyDescription, p.StudyDescription) AS StudyDescription, coalesce(o.RequestedProcedureDescription, p.RequestedProcedureDescription) AS RequestedProcedureDescription, coalesce(o.Manufacturer, p.Manufacturer) AS Manufacturer, coalesce(o.ManufacturerModelName, p.ManufacturerModelName) AS ManufacturerModelName, coalesce(o.StationName, p.StationName) AS StationName, coalesce(o.DeviceSerialNumber, p.DeviceSerialNumber) AS DeviceSerialNumber, coalesce(o.SoftwareVersions, p.SoftwareVersions) AS SoftwareVersions, coalesce(o.Modality, p.Modality) AS Modality, o.object_kind, o.SOPInstanceUID, e.event, coalesce(e.irradiation_event_uid, d.irradiation_event_uid) AS irradiation_event_uid, coalesce(e.date_time_started, d.date_time_started) AS date_time_started, coalesce(e.acquisition_protocol, d.acquisition_protocol) AS acquisition_protocol, coalesce(e.target_region, d.target_region) AS target_region, coalesce(e.ct_acquisition_type, d.ct_acquisition_type) AS ct_acquisition_type, coalesce(e.procedure_context, d.procedure_context) AS procedure_context, coalesce(e.mean_ctdivol_mGy, d.mean_ctdivol_mGy) AS mean_ctdivol_mGy, coalesce(e.ctdiw_phantom_type, d.ctdiw_phantom_type) AS ctdiw_phantom_type, coalesce(e.dlp_mGycm, d.dlp_mGycm) AS dlp_mGycm, coalesce(e.scanning_length_mm, d.scanning_length_mm) AS scanning_length_mm, coalesce(e.pitch_factor, d.pitch_factor) AS pitch_factor, coalesce(e.nominal_single_collimation_width_mm, d.nominal_single_collimation_width_mm) AS nominal_single_collimation_width_mm, coalesce(e.nominal_total_collimation_width_mm, d.nominal_total_collimation_width_mm) AS nominal_total_collimation_width_mm, coalesce(e.exposure_time_s, d.exposure_time_s) AS exposure_time_s, coalesce(e.xray_modulation_type, d.xray_modulation_type) AS xray_modulation_type, coalesce(e.size_specific_dose_estimation_mGy, d.size_specific_dose_estimation_mGy) AS size_specific_dose_estimation_mGy, coalesce(e.effective_dose_mSv, d.effective_dose_mSv) AS effective_dose_mSv, coalesce((SELECT max(s.kvp) FROM dose_event_source s WHERE s.SOPInstanceUID = e.SOPInstanceUID AND s.event = e.event), (SELECT max(s.kvp) FROM dose_event_source s WHERE s.SOPInstanceUID = d.SOPInstanceUID AND s.event = d.event)) AS kvp, coalesce((SELECT max(s.xray_tube_current_mA) FROM dose_event_source s WHERE s.SOPInstanceUID = e.SOPInstanceUID AND s.event = e.event), (SELECT max(s.xray_tube_current_mA) FROM dose_event_source s WHERE s.SOPInstanceUID = d.SOPInstanceUID AND s.event = d.event)) AS xray_tube_current_mA, coalesce((SELECT max(s.exposure_time_per_rotation_s) FROM dose_event_source s WHERE s.SOPInstanceUID = e.SOPInstanceUID AND s.event = e.event), (SELECT max(s.exposure_time_per_rotation_s) FROM dose_event_source s WHERE s.SOPInstanceUID = d.SOPInstanceUID AND s.event = d.event)) AS exposure_time_per_rotation_s FROM v_dose_counted c
JOIN dose_event e ON e.SOPInstanceUID = c.SOPInstanceUID AND e.event = c.event
JOIN dose_object o ON o.SOPInstanceUID = c.SOPInstanceUID
LEFT JOIN dose_event d ON d.SOPInstanceUID = c.details AND d.event = c.details_event
LEFT JOIN dose_object p ON p.SOPInstanceUID = c.details WHERE e.event_kind = 'CT';
CREATE VIEW v_dose_projection AS SELECT o.StudyInstanceUID, o.PatientID, o.StudyDate, coalesce(o.StudyDescription, p.StudyDescription) AS StudyDescription, coalesce(o.RequestedProcedureDescription, p.RequestedProcedureDescription) AS RequestedProcedureDescription, coalesce(o.Manufacturer, p.Manufacturer) AS Manufacturer, coalesce(o.ManufacturerModelName, p.ManufacturerModelName) AS ManufacturerModelName, coalesce(o.StationName, p.StationName) AS StationName, coalesce(o.DeviceSerialNumber, p.DeviceSerialNumber) AS DeviceSerialNumber, coalesce(o.SoftwareVersions, p.SoftwareVersions) AS SoftwareVersions, coalesce(o.Modality, p.Modality) AS Modality, o.object_kind, o.SOPInstanceUID, e.event, coalesce(e.irradiation_event_uid, d.irradiation_event_uid) AS irradiation_event_uid, coalesce(e.date_time_started, d.date_time_started) AS date_time_started, coalesce(e.acquisition_protocol, d.acquisition_protocol) AS acquisition_protocol, coalesce(e.target_region, d.target_region) AS target_region, coalesce(e.acquisition_plane, d.acquisition_plane) AS acquisition_plane, coalesce(e.irradiation_event_type, d.irradiation_event_type) AS irradiation_event_type, coalesce(e.dose_area_product_Gym2, d.dose_area_product_Gym2) AS dose_area_product_Gym2, coalesce(e.dose_rp_Gy, d.dose_rp_Gy) AS dose_rp_Gy, coalesce(e.exposure_time_ms, d.exposure_time_ms) AS exposure_time_ms, coalesce(e.fluoro_mode, d.fluoro_mode) AS fluoro_mode, coalesce(e.pulse_rate_per_s, d.pulse_rate_per_s) AS pulse_rate_per_s, coalesce(e.number_of_pulses, d.number_of_pulses) AS number_of_pulses, coalesce(e.irradiation_duration_s, d.irradiation_duration_s) AS irradiation_duration_s, coalesce(e.positioner_primary_angle_deg, d.positioner_primary_angle_deg) AS positioner_primary_angle_deg, coalesce(e.positioner_secondary_angle_deg, d.positioner_secondary_angle_deg) AS positioner_secondary_angle_deg, coalesce(e.distance_source_to_detector_mm, d.distance_source_to_detector_mm) AS distance_source_to_detector_mm, coalesce(e.collimated_field_area_m2, d.collimated_field_area_m2) AS collimated_field_area_m2, coalesce(e.exposure_index, d.exposure_index) AS exposure_index, coalesce(e.target_exposure_index, d.target_exposure_index) AS target_exposure_index, coalesce(e.deviation_index, d.deviation_index) AS deviation_index, coalesce(e.image_view, d.image_view) AS image_view, coalesce(e.laterality, d.laterality) AS laterality, coalesce(e.xray_grid, d.xray_grid) AS xray_grid, coalesce((SELECT avg(s.kvp) FROM dose_event_source s WHERE s.SOPInstanceUID = e.SOPInstanceUID AND s.event = e.event), (SELECT avg(s.kvp) FROM dose_event_source s WHERE s.SOPInstanceUID = d.SOPInstanceUID AND s.event = d.event)) AS kvp, coalesce((SELECT avg(s.xray_tube_current_mA) FROM dose_event_source s WHERE s.SOPInstanceUID = e.SOPInstanceUID AND s.event = e.event), (SELECT avg(s.xray_tube_current_mA) FROM dose_event_source s WHERE s.SOPInstanceUID = d.SOPInstanceUID AND s.event = d.event)) AS xray_tube_current_mA, coalesce((SELECT sum(s.exposure_uAs) FROM dose_event_source s WHERE s.SOPInstanceUID = e.SOPInstanceUID AND s.event = e.event), (SELECT sum(s.exposure_uAs) FROM dose_event_source s WHERE s.SOPInstanceUID = d.SOPInstanceUID AND s.event = d.event)) AS exposure_uAs FROM v_dose_counted c
JOIN dose_event e ON e.SOPInstanceUID = c.SOPInstanceUID AND e.event = c.event
JOIN dose_object o ON o.SOPInstanceUID = c.SOPInstanceUID
LEFT JOIN dose_event d ON d.SOPInstanceUID = c.details AND d.event = c.details_event
LEFT JOIN dose_object p ON p.SOPInstanceUID = c.details WHERE e.event_kind = 'projection' AND o.modality_type = 'projection';
CREATE VIEW v_dose_mammography AS SELECT o.StudyInstanceUID, o.PatientID, o.StudyDate, coalesce(o.StudyDescription, p.StudyDescription) AS StudyDescription, coalesce(o.RequestedProcedureDescription, p.RequestedProcedureDescription) AS RequestedProcedureDescription, coalesce(o.Manufacturer, p.Manufacturer) AS Manufacturer, coalesce(o.ManufacturerModelName, p.ManufacturerModelName) AS ManufacturerModelName, coalesce(o.StationName, p.StationName) AS StationName, coalesce(o.DeviceSerialNumber, p.DeviceSerialNumber) AS DeviceSerialNumber, coalesce(o.SoftwareVersions, p.SoftwareVersions) AS SoftwareVersions, coalesce(o.Modality, p.Modality) AS Modality, o.object_kind, o.SOPInstanceUID, e.event, coalesce(e.irradiation_event_uid, d.irradiation_event_uid) AS irradiation_event_uid, coalesce(e.date_time_started, d.date_time_started) AS date_time_started, coalesce(e.acquisition_protocol, d.acquisition_protocol) AS acquisition_protocol, coalesce(e.target_region, d.target_region) AS target_region, coalesce(e.laterality, d.laterality) AS laterality, coalesce(e.image_view, d.image_view) AS image_view, coalesce(e.average_glandular_dose_mGy, d.average_glandular_dose_mGy) AS average_glandular_dose_mGy, coalesce(e.entrance_exposure_at_rp_mGy, d.entrance_exposure_at_rp_mGy) AS entrance_exposure_at_rp_mGy, coalesce(e.half_value_layer_mm, d.half_value_layer_mm) AS half_value_layer_mm, coalesce(e.compression_thickness_mm, d.compression_thickness_mm) AS compression_thickness_mm, coalesce(e.compression_force_N, d.compression_force_N) AS compression_force_N, coalesce(e.percent_fibroglandular_tissue, d.percent_fibroglandular_tissue) AS percent_fibroglandular_tissue, coalesce(e.anode_target_material, d.anode_target_material) AS anode_target_material, coalesce(e.exposure_time_ms, d.exposure_time_ms) AS exposure_time_ms, coalesce(e.exposure_control_mode, d.exposure_control_mode) AS exposure_control_mode, coalesce((SELECT avg(s.kvp) FROM dose_event_source s WHERE s.SOPInstanceUID = e.SOPInstanceUID AND s.event = e.event), (SELECT avg(s.kvp) FROM dose_event_source s WHERE s.SOPInstanceUID = d.SOPInstanceUID AND s.event = d.event)) AS kvp, coalesce((SELECT avg(s.xray_tube_current_mA) FROM dose_event_source s WHERE s.SOPInstanceUID = e.SOPInstanceUID AND s.event = e.event), (SELECT avg(s.xray_tube_current_mA) FROM dose_event_source s WHERE s.SOPInstanceUID = d.SOPInstanceUID AND s.event = d.event)) AS xray_tube_current_mA, coalesce((SELECT sum(s.exposure_uAs) FROM dose_event_source s WHERE s.SOPInstanceUID = e.SOPInstanceUID AND s.event = e.event), (SELECT sum(s.exposure_uAs) FROM dose_event_source s WHERE s.SOPInstanceUID = d.SOPInstanceUID AND s.event = d.event)) AS exposure_uAs FROM v_dose_counted c
JOIN dose_event e ON e.SOPInstanceUID = c.SOPInstanceUID AND e.event = c.event
JOIN dose_object o ON o.SOPInstanceUID = c.SOPInstanceUID
LEFT JOIN dose_event d ON d.SOPInstanceUID = c.details AND d.event = c.details_event
LEFT JOIN dose_object p ON p.SOPInstanceUID = c.details WHERE e.event_kind = 'projection' AND o.modality_type = 'mammography';
CREATE VIEW v_dose_nm AS SELECT o.StudyInstanceUID, o.PatientID, o.StudyDate, coalesce(o.StudyDescription, p.StudyDescription) AS StudyDescription, coalesce(o.RequestedProcedureDescription, p.RequestedProcedureDescription) AS RequestedProcedureDescription, coalesce(o.Manufacturer, p.Manufacturer) AS Manufacturer, coalesce(o.ManufacturerModelName, p.ManufacturerModelName) AS ManufacturerModelName, coalesce(o.StationName, p.StationName) AS StationName, coalesce(o.DeviceSerialNumber, p.DeviceSerialNumber) AS DeviceSerialNumber, coalesce(o.SoftwareVersions, p.SoftwareVersions) AS SoftwareVersions, coalesce(o.Modality, p.Modality) AS Modality, o.object_kind, o.SOPInstanceUID, e.event, coalesce(e.irradiation_event_uid, d.irradiation_event_uid) AS irradiation_event_uid, coalesce(e.date_time_started, d.date_time_started) AS date_time_started, coalesce(e.acquisition_protocol, d.acquisition_protocol) AS acquisition_protocol, coalesce(e.target_region, d.target_region) AS target_region, coalesce(e.radiopharmaceutical_agent, d.radiopharmaceutical_agent) AS radiopharmaceutical_agent, coalesce(e.radiopharmaceutical_agent_string, d.radiopharmaceutical_agent_string) AS radiopharmaceutical_agent_string, coalesce(e.radionuclide, d.radionuclide) AS radionuclide, coalesce(e.radionuclide_half_life_s, d.radionuclide_half_life_s) AS radionuclide_half_life_s, coalesce(e.administered_activity_MBq, d.administered_activity_MBq) AS administered_activity_MBq, coalesce(e.radiopharmaceutical_stop_datetime, d.radiopharmaceutical_stop_datetime) AS radiopharmaceutical_stop_datetime, coalesce(e.route_of_administration, d.route_of_administration) AS route_of_administration, coalesce(e.effective_dose_mSv, d.effective_dose_mSv) AS effective_dose_mSv FROM v_dose_counted c
JOIN dose_event e ON e.SOPInstanceUID = c.SOPInstanceUID AND e.event = c.event
JOIN dose_object o ON o.SOPInstanceUID = c.SOPInstanceUID
LEFT JOIN dose_event d ON d.SOPInstanceUID = c.details AND d.event = c.details_event
LEFT JOIN dose_object p ON p.SOPInstanceUID = c.details WHERE e.event_kind = 'administration';
CREATE VIEW v_dose_examination AS 
SELECT x.StudyInstanceUID, s.PatientID, s.StudyDate, s.StudyDescription, x.scanner, x.protocol,
  coalesce(a.standard_name, b.standard_name, c.standard_name) AS standard_name,
  x.quantity, x.part, x.value, x.age_years
FROM dose_examination x
JOIN dose_study s ON s.StudyInstanceUID = x.StudyInstanceUID
LEFT JOIN dose_standard_name a ON a.name = lower(trim(x.protocol)) AND a.scanner = lower(trim(x.scanner))
LEFT JOIN dose_standard_name b ON b.name = lower(trim(x.protocol)) AND b.scanner = ''
LEFT JOIN dose_standard_name c ON c.name = lower(trim(s.StudyDescription)) AND c.scanner = '';
CREATE VIEW v_dose_above_drl AS 
SELECT x.*, d.value AS reference_level, d.source AS reference
FROM v_dose_examination x
JOIN dose_drl d ON d.quantity = x.quantity AND d.standard_name = coalesce(x.standard_name, x.protocol)
  AND (d.part = '' OR d.part = x.part)
WHERE x.value > d.value
  AND ((d.from_years = 0 AND d.to_years IS NULL)
    OR (x.age_years >= d.from_years AND (d.to_years IS NULL OR x.age_years < d.to_years)));
CREATE INDEX index_volume_verdict_series_instance_uid ON volume_verdict (series_instance_uid);
CREATE VIEW archive_rois AS /* view of pyconquest_rt */ SELECT s.patient_id AS patient_id, s.study_instance_uid AS study_uid, r.SOPInstanceUID AS structure_set_uid, s.label AS structure_set_label, r.roi_number AS roi_number, r.raw_name AS roi_name, r.interpreted_type AS roi_type, n.tg263_name AS tg263_name, n.institutional_name AS institutional_name, r.volume_cc AS volume_cc, r.colour AS colour, r.contour_count AS contour_count, r.plane_count AS plane_count, r.plane_spacing_mm AS plane_spacing_mm, r.is_empty AS is_empty, r.status AS status, r.reason AS reason FROM rt_roi r JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID LEFT JOIN roi_name n ON n.raw_name = r.raw_name AND n.physician = 'DEFAULT';
CREATE VIEW archive_plans AS /* view of pyconquest_rt */ SELECT p.patient_id AS patient_id, p.study_instance_uid AS study_uid, p.SOPInstanceUID AS plan_uid, p.label AS plan_label, p.name AS plan_name, CASE WHEN length(p.date) = 8 THEN substr(p.date, 1, 4) || '-' || substr(p.date, 5, 2) || '-' || substr(p.date, 7, 2) ELSE p.date END AS plan_date, coalesce(t.site, p.treatment_site_key) AS site, p.rx_dose_gy AS prescription_gy, p.fractions_planned AS fractions, p.physician AS physician, p.approval_status AS approval_status, p.intent AS intent, p.kinds AS kinds, p.radiation_types AS radiation_types, p.machines AS machines, p.beam_count AS beam_count, p.mu AS mu, p.structure_set_uid AS structure_set_uid, p.status AS status, p.reason AS reason FROM rt_plan p LEFT JOIN rt_site t ON t.plan_uid = p.SOPInstanceUID;
CREATE VIEW archive_doses AS /* view of pyconquest_rt */ SELECT c.patient_id AS patient_id, c.study_instance_uid AS study_uid, c.dose_uid AS dose_uid, CASE WHEN length(d.date) = 8 THEN substr(d.date, 1, 4) || '-' || substr(d.date, 5, 2) || '-' || substr(d.date, 7, 2) ELSE d.date END AS dose_date, d.summation_type AS summation_type, d.dose_type AS dose_type, d.dose_units AS dose_units, d.maximum_gy AS maximum_gy, c.plan_uid AS plan_uid, p.label AS plan_label, c.plan_link AS plan_link, c.structure_set_uid AS structure_set_uid, c.structure_set_link AS structure_set_link, c.image_series_uid AS image_series_uid, c.image_series_link AS image_series_link, (SELECT count(*) FROM dvh h WHERE h.SOPInstanceUID = c.dose_uid AND h.structure_set_uid = c.structure_set_uid AND h.source = 'pyconquest' AND h.status <> 'failed') AS dvhs, d.status AS status, coalesce(c.reason, d.reason) AS reason FROM v_rt_chain c JOIN rt_dose d ON d.SOPInstanceUID = c.dose_uid LEFT JOIN rt_plan p ON p.SOPInstanceUID = c.plan_uid;
CREATE VIEW archive_metrics AS /* view of pyconquest_rt */ SELECT v.patient_id AS patient_id, v.study_instance_uid AS study_uid, v.SOPInstanceUID AS dose_uid, v.structure_set_uid AS structure_set_uid, v.structure_set_link AS structure_set_link, v.plan_uid AS plan_uid, v.plan_label AS plan_label, v.site AS site, CASE WHEN length(v.date) = 8 THEN substr(v.date, 1, 4) || '-' || substr(v.date, 5, 2) || '-' || substr(v.date, 7, 2) ELSE v.date END AS plan_date, v.summation_type AS summation_type, v.prescription_gy AS prescription_gy, v.fractions AS fractions, v.roi_number AS roi_number, v.roi_name AS roi_name, v.tg263_name AS tg263_name, v.roi_type AS roi_type, v.source AS source, v.volume_cc AS volume_cc, m.metric AS metric, m.value AS value, m.unit AS unit, v.status AS status, v.reason AS reason FROM dvh_metrics m JOIN v_dvh v ON v.SOPInstanceUID = m.SOPInstanceUID AND v.structure_set_uid = m.structure_set_uid AND v.roi_number = m.roi_number AND v.source = m.source AND v.end_cap = m.end_cap;
CREATE VIEW rtds_rt_structureset AS /* view of pyconquest_rt */ SELECT SOPInstanceUID AS id, SOPInstanceUID AS SOPInstanceUID, '1.2.840.10008.5.1.4.1.1.481.3' AS SOPClassUID, roi_count AS TotalROIs, series_instance_uid AS fk_series_id_id, study_instance_uid AS fk_study_id_id, patient_id AS fk_patient_id_id, NULL AS fk_user_id_id FROM rt_structure_set;
CREATE VIEW rtds_rt_rois AS /* view of pyconquest_rt */ SELECT r.SOPInstanceUID || '|' || r.roi_number AS id, r.raw_name AS ROIName, r.volume_cc AS Volume, r.contour_count AS TotalContours, r.roi_number AS ROINumber, r.SOPInstanceUID AS fk_structureset_id_id, s.patient_id AS fk_patient_id_id, s.study_instance_uid AS fk_study_id_id, s.series_instance_uid AS fk_series_id_id, NULL AS fk_user_id_id, r.colour AS ROIDisplayColor FROM rt_roi r LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID;
CREATE VIEW rtds_rt_dose AS /* view of pyconquest_rt */ SELECT SOPInstanceUID AS id, '1.2.840.10008.5.1.4.1.1.481.2' AS SOPClassUID, SOPInstanceUID AS SOPInstanceUID, dose_grid_scaling AS DoseGridScaling, summation_type AS DoseSummationType, dose_type AS DoseType, dose_units AS DoseUnits, plan_uid AS ReferencedRTPlanSequence, structure_set_uid AS ReferencedStructureSetSequence, series_instance_uid AS fk_series_id_id, study_instance_uid AS fk_study_id_id, patient_id AS fk_patient_id_id, NULL AS fk_user_id_id FROM rt_dose;
CREATE VIEW rtds_rt_dose_image AS /* view of pyconquest_rt */ SELECT SOPInstanceUID AS id, columns AS columns, rows AS rows, planes AS NumberOfFrames, origin_x_mm || '\' || origin_y_mm || '\' || origin_z_mm AS ImagePositionPatient, orientation AS ImageOrientationPatient, row_spacing_mm || '\' || column_spacing_mm AS PixelSpacing, NULL AS PhotometricInterpretation, NULL AS ImageData, SOPInstanceUID AS fk_dose_id_id FROM rt_dose;
CREATE VIEW rtds_rt_dvh AS /* view of pyconquest_rt */ SELECT SOPInstanceUID || '|' || structure_set_uid || '|' || roi_number || '|' || source AS id, max_gy AS DVHMaximumDose, mean_gy AS DVHMeanDose, min_gy AS DVHMinimumDose, roi_number AS ReferencedROI, 'GY' AS DoseUnits, NULL AS DVHData, length(curve_gy) / 4 AS NumberOfBins, 'CM3' AS VolumeUnits, 'CUMULATIVE' AS DVHType, 'PHYSICAL' AS DoseType, 1.0 AS DoseScaling, SOPInstanceUID AS fk_dose_id_id, structure_set_uid || '|' || roi_number AS fk_roi_id_id, source AS source FROM dvh;
CREATE VIEW rtds_rt_isdose AS /* view of pyconquest_rt */ SELECT SOPInstanceUID || '|' || level_percent AS id, dose_gy AS IsDoseValue, NULL AS RowPosition, NULL AS ColumnPosition, NULL AS fk_ct_image_id_id, SOPInstanceUID AS fk_dose_id_id, level_percent AS LevelPercent, volume_cc AS VolumeCC FROM rt_isodose;
CREATE VIEW rtds_oar_dictionary AS /* view of pyconquest_rt */ SELECT raw_name AS id, raw_name AS ROIName, max(colour) AS ROIDisplayColor FROM rt_roi GROUP BY raw_name;
CREATE VIEW rtds_ovh AS /* view of pyconquest_rt */ SELECT r.SOPInstanceUID || '|' || r.organ_number || '|' || r.targets AS id, r.ovh_first_mm || ' ' || r.ovh_width_mm AS binValue, r.ovh AS binAmount, r.overlap_cc AS OverlapArea, r.SOPInstanceUID || '|' || r.targets AS ptv_id, r.SOPInstanceUID || '|' || r.organ_number AS OAR_id, s.study_instance_uid AS fk_study_id_id FROM rt_relation r LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID WHERE r.status <> 'failed';
CREATE VIEW rtds_sts AS /* view of pyconquest_rt */ SELECT r.SOPInstanceUID || '|' || r.organ_number || '|' || r.targets AS id, r.elevation_width_deg AS elevation_bins, r.distance_width_mm AS distance_bins, r.azimuth_width_deg AS azimuth_bins, r.fraction AS amounts, r.SOPInstanceUID || '|' || r.targets AS ptv_id, r.SOPInstanceUID || '|' || r.organ_number AS OAR_id, s.study_instance_uid AS fk_study_id_id FROM rt_sts r LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID;
COMMIT;
